"""Slots for turns that run at the same time; a turn that waits for one keeps its lease."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gateway.core.events import TurnChanged
from gateway.core.limits.callers import Callers
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.shares import Claim
from gateway.core.live.announcer import Announcer
from gateway.core.live.live_turns import LiveTurns
from gateway.core.measuring.metrics import WAITING
from gateway.core.model import Turn
from gateway.core.ports.turns import TurnStore
from gateway.core.tasks.retries import retry_until_answered


@dataclass(frozen=True, slots=True)
class TurnSlots:
    """Takes and releases turns' slots. `callers`: visitors' addresses; `live`: learns which turns wait."""

    slots: FairSlots
    callers: Callers
    turns: TurnStore
    announcer: Announcer
    live: LiveTurns

    def claim_of(self, turn: Turn) -> Claim:
        """Returns whose share of the slots the turn counts towards."""
        return Claim(turn.user_id, self.callers.address_of(turn.user_id), turn.agent)

    def try_take(self, claim: Claim) -> bool:
        """Takes a slot if one is free. `release` gives it back."""
        return self.slots.try_take(claim)

    async def wait(self, turn: Turn, claim: Claim, patience_s: float) -> Turn:
        """Waits for a slot and returns the turn as claimed by then; its lease is renewed every `patience_s`."""
        with WAITING.track_inprogress(), self.live.waiting(turn):
            # As claimed: followers see that it waits.
            self.announcer.turn(TurnChanged(turn.session_id, turn.user_id, turn.turn_id, "running", turn.attempt))
            return await self._queued(turn, claim, patience_s)

    async def renewed(self, turn: Turn) -> Turn:
        """Renews the turn's lease. Raises `LeaseLost` if another replica has claimed the turn."""
        return await retry_until_answered(partial(self.turns.begin_attempt, turn, counts=False))

    def release(self, claim: Claim) -> None:
        """Frees a slot that was taken or waited for."""
        self.slots.release(claim)

    async def _queued(self, turn: Turn, claim: Claim, patience_s: float) -> Turn:
        place = self.slots.enqueue(claim)
        try:
            while not await place.comes(patience_s):
                turn = await self.renewed(turn)
            return await self.renewed(turn)
        except BaseException:
            place.leave()
            raise
