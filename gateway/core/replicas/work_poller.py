"""The clock of a replica's loops: one statement checks for waiting work, and only the loops that have some continue."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

import structlog

from gateway.core.ports.work_finder import KnownWork, Waiting, WorkFinder
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.tasks.waiting import Alarm
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)
LONGEST_S = 2.0
"""Seconds between checks, however rarely this replica sweeps, as other work waits too.

A sweep follows every check, or every second one …
"""
SHORTEST_S = 0.1
"""Minimum seconds between checks: busy components may ask for one again and again."""
ALONE = 2.0
"""Factor while no other replica is alive, and notifications report at once whatever a command does."""


class WorkPoller:
    """Checks every `every_s` seconds or more often, and reports what it finds.

    `known_work`: returns what is already known; `tell`: receives what waits, and must not block.
    """

    def __init__(
        self,
        work_finder: WorkFinder,
        known_work: Callable[[], KnownWork],
        tell: Callable[[Waiting], None],
        other_replicas: OtherReplicas,
        every_s: float,
    ) -> None:
        self._work_finder = work_finder
        self._known_work = known_work
        self._tell = tell
        self._other_replicas = other_replicas
        self._every_s = every_s / math.ceil(every_s / LONGEST_S)
        self._alarm = Alarm()

    def soon(self) -> None:
        """Checks as soon as permitted."""
        self._alarm.set(0)

    async def run(self) -> None:
        """Checks until cancelled; while the database is unavailable, no work can wait in it."""
        self._alarm.set(0)
        while True:
            await self._alarm.rings()
            try:
                waiting = await self._work_finder.find(self._known_work())
            except StoreUnavailable as error:
                log.warning("work_poll_failed", reason=str(error))
            else:
                self._other_replicas.present = waiting.company
                self._tell(waiting)
            await asyncio.sleep(SHORTEST_S)
            self._alarm.set(self._pause_s())

    def _pause_s(self) -> float:
        slowly = self._other_replicas.reachable and not self._other_replicas.present
        seconds = self._every_s * (ALONE if slowly else 1.0)
        return seconds * (1 + random.random() / 4)  # noqa: S311 - only to spread the replicas
