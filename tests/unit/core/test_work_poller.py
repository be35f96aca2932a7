"""When a replica checks for waiting work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.core.lookback import FeedPosition
from gateway.core.ports.work_finder import KnownWork, Waiting
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.replicas.work_poller import WorkPoller

NOTHING_KNOWN = KnownWork((), (), (), (), timedelta(), timedelta())
NOTHING_WAITS = Waiting(
    company=True,
    turns=False,
    deliveries=False,
    fires_in=None,
    activity=False,
    states=False,
    erasures=False,
    identified=(),
    ended=(),
    erased=(),
    position=FeedPosition(datetime(2026, 1, 5, tzinfo=UTC), 5, 5),
)


@dataclass
class Counted:
    """A work finder that counts its checks."""

    checks: int = 0

    async def find(self, _known_work: KnownWork) -> Waiting:
        """Finds nothing, after a step of the event loop."""
        await asyncio.sleep(0)
        self.checks += 1
        return NOTHING_WAITS


async def test_requested_checks_do_not_run_all_the_time() -> None:
    """Anybody who can write to the database can request one; requests during a check lead to only one more."""
    work_finder = Counted()

    def tell(_waiting: Waiting) -> None:
        work_poller.soon()

    work_poller = WorkPoller(work_finder, lambda: NOTHING_KNOWN, tell, OtherReplicas(), 60)
    polling = asyncio.create_task(work_poller.run())
    for _ in range(1_000):
        await asyncio.sleep(0)
    polling.cancel()
    await asyncio.wait({polling})
    assert work_finder.checks < 100
