"""Waiting for an event or a time, whichever comes first."""

from __future__ import annotations

import asyncio
import math
import time


async def happens(event: asyncio.Event, within: float | None) -> bool:
    """Waits for the event for at most `within` seconds; returns whether it was set. None waits without a limit."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Alarm:
    """Wakes one loop at the earliest time that was set, which is then cleared."""

    def __init__(self) -> None:
        self._at = math.inf
        self._sooner = asyncio.Event()

    def set(self, seconds: float) -> None:
        """Sets the alarm in that many seconds, unless an earlier time is set."""
        at = time.monotonic() + seconds
        if at < self._at:
            self._at = at
            self._sooner.set()

    async def rings(self) -> None:
        """Waits until the alarm goes off."""
        while (seconds := self._at - time.monotonic()) > 0:
            self._sooner.clear()
            await happens(self._sooner, None if math.isinf(seconds) else seconds)
        self._at = math.inf
