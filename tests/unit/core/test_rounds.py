"""When a replica checks for waiting work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.core.lookback import FeedPosition
from gateway.core.ports.rounds import InHand, Waiting
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.replicas.rounds import Rounds

NOTHING_IN_HAND = InHand((), (), (), (), timedelta(), timedelta())
NOTHING_WAITS = Waiting(
    company=True,
    turns=False,
    deliveries=False,
    fires_in=None,
    states=False,
    erasures=False,
    identified=(),
    ended=(),
    erased=(),
    position=FeedPosition(datetime(2026, 1, 5, tzinfo=UTC), 5, 5),
)


@dataclass
class Counted:
    """A lookout that counts its checks."""

    looks: int = 0

    async def look(self, _in_hand: InHand) -> Waiting:
        """Finds nothing, after a step of the event loop."""
        await asyncio.sleep(0)
        self.looks += 1
        return NOTHING_WAITS


async def test_requested_checks_do_not_run_all_the_time() -> None:
    """Anybody who can write to the database can request one; requests during a check lead to only one more."""
    lookout = Counted()

    def tell(_waiting: Waiting) -> None:
        rounds.soon()

    rounds = Rounds(lookout, lambda: NOTHING_IN_HAND, tell, OtherReplicas(), 60)
    looking = asyncio.create_task(rounds.run())
    for _ in range(1_000):
        await asyncio.sleep(0)
    looking.cancel()
    await asyncio.wait({looking})
    assert lookout.looks < 100
