"""The clock of a replica's loops: one statement looks what waits for any of them, and only those that have something to do go on."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

import structlog

from gateway.core.ports.rounds import InHand, Lookout, Waiting
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)
LONGEST_S = 2.0
"""Seconds between looks, however rarely this replica sweeps: other things wait too. A sweep comes with each, or with every second …"""
SHORTEST_S = 0.1
"""Seconds between looks at least: others that are busy may call for one time and again."""
ALONE = 2.0
"""So many times longer while no other replica lives, and whatever a command does is heard of at once."""


class Rounds:
    """Looks every `every_s` seconds or more often, and tells what it found.

    `in_hand`: what is known already; `tell`: hears what waits, and must not block.
    """

    def __init__(
        self,
        lookout: Lookout,
        in_hand: Callable[[], InHand],
        tell: Callable[[Waiting], None],
        other_replicas: OtherReplicas,
        every_s: float,
    ) -> None:
        self._lookout = lookout
        self._in_hand = in_hand
        self._tell = tell
        self._other_replicas = other_replicas
        self._every_s = every_s / math.ceil(every_s / LONGEST_S)
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Looks as soon as it may."""
        self._soon.set()

    async def run(self) -> None:
        """Looks until cancelled; while the database is away nothing can wait in it."""
        while True:
            self._soon.clear()
            try:
                waiting = await self._lookout.look(self._in_hand())
            except StoreUnavailable as error:
                log.warning("round_missed", reason=str(error))
            else:
                self._other_replicas.present = waiting.company
                self._tell(waiting)
            await asyncio.sleep(SHORTEST_S)
            await self._pause()

    async def _pause(self) -> None:
        slowly = self._other_replicas.reachable and not self._other_replicas.present
        seconds = self._every_s * (ALONE if slowly else 1.0)
        try:
            async with asyncio.timeout(seconds * (1 + random.random() / 4)):  # noqa: S311 - only to spread the replicas
                await self._soon.wait()
        except TimeoutError:
            return
