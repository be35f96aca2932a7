"""Waiting for an event, but not for ever."""

from __future__ import annotations

import asyncio


async def happens(event: asyncio.Event, within: float | None) -> bool:
    """Waits until the event is set, for at most `within` seconds; whether it was. None waits for as long as it takes."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True
