"""Heartbeats, and the sweep that takes over the work of dead replicas."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from gateway.core.delivery.outbox import Outbox
from gateway.core.live.announcer import Announcer
from gateway.core.measuring.metrics import TAKEN_OVER
from gateway.core.model import Turn
from gateway.core.ports.approvals import ApprovalStore
from gateway.core.ports.outbox import OutboxStore
from gateway.core.ports.turns import Replicas, Tenure, TurnStore
from gateway.core.settings import Replica
from gateway.core.turns.runner import Runner
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)
STEAL_TURNS = 16
STEAL_ADDRESSES = 20
RETRY_S = 1.0


def elapsed() -> float:
    """Seconds on a clock that continues while the process is frozen and, where the system supports it, while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class Heartbeat:
    """Keeps this replica's lease. `alive` turns False well before others may consider it dead: the replica fences itself."""

    def __init__(self, replicas: Replicas, settings: Replica) -> None:
        self._replicas = replicas
        self._settings = settings
        self._last = float("-inf")
        self._since = float("-inf")
        self._term = 0

    @property
    def term(self) -> int:
        """Grows whenever the lease may have lapsed: what was ours in an earlier term may be another's by now."""
        return self._term

    def alive(self) -> bool:
        """Whether this replica's leases are certainly still its own."""
        return elapsed() - self._last < self._settings.ttl_s * 2 / 3

    def steady(self) -> bool:
        """Whether this replica's lease has held for so long that every live replica has sent a heartbeat since.

        After a database outage, every replica looks dead for a moment.
        """
        return self.alive() and elapsed() - self._since > self._settings.heartbeat_s + RETRY_S

    async def run(self, replicas: Replicas, keep: Callable[[], bool]) -> None:
        """Beats through `replicas` while `keep` returns True; while the database is unavailable, retries every second.

        May run in another thread than the readers of this object.
        """
        every_s = self._settings.heartbeat_s
        while True:
            written = keep() and await self.beat(replicas)
            await asyncio.sleep(every_s if written else min(RETRY_S, every_s))

    async def beat(self, replicas: Replicas | None = None) -> bool:
        """Sends one heartbeat; returns whether it was written."""
        # The lease counts from before the statement: it cannot have been written earlier.
        begun = elapsed()
        try:
            await (replicas or self._replicas).beat()
        except StoreUnavailable as error:
            log.warning("heartbeat_missed", reason=str(error))
            return False
        if not self.alive():
            # Before it is alive again: another thread may read both at any moment.
            self._term += 1
            self._since = begun
        self._last = begun
        return True


class Sweep:
    """Claims turns and chunks whose owner is dead or late, or that have none, such as turns whose question was answered.

    It answers overdue questions, too. Every replica does so; row locks keep them apart. A check says when there may be some (`gateway.core.replicas.work_poller`); the sweep decides whether there are.
    """

    def __init__(
        self,
        *,
        turns: TurnStore,
        approvals: ApprovalStore,
        announcer: Announcer,
        runner: Runner,
        outbox_store: OutboxStore,
        outbox: Outbox,
        heartbeat: Heartbeat,
        settings: Replica,
    ) -> None:
        self._turns = turns
        self._approvals = approvals
        self._announcer = announcer
        self._runner = runner
        self._outbox_store = outbox_store
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._ttl = timedelta(seconds=settings.ttl_s)

    async def once(self) -> None:
        """Takes over what there is. Raises `StoreUnavailable`."""
        if not self._heartbeat.alive():
            return
        expired = self._heartbeat.steady()
        for question in await self._approvals.expire():
            log.info("approval_expired", session=question.session_id, message=question.id)
            self._announcer.changed(question)
        silence = self._ttl if expired else None
        while turns := await self._turns.steal(STEAL_TURNS, self._runner.running, silence=silence):
            self._run(turns)
        tenure = Tenure.of(self._heartbeat)
        while items := await self._outbox_store.steal(STEAL_ADDRESSES, self._outbox.held, expired=expired):
            log.info("deliveries_taken_over", items=len(items))
            self._outbox.send(items, tenure)

    def _run(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            TAKEN_OVER.inc()
            log.info("turn_taken_over", turn=str(turn.turn_id), session=turn.session_id, attempt=turn.attempt)
            self._runner.start(turn)
