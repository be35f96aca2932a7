"""An agent that pauses in the middle of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.core.model import Turn

FIRST, SECOND = ("The first ", "half, "), "and the second."


async def halting(turn: Turn) -> AsyncIterator[str]:
    """Continues when the file named in the message exists."""
    for piece in FIRST:
        yield piece
    while not Path(turn.text).exists():  # noqa: ASYNC110, ASYNC240 - a file has no events
        await asyncio.sleep(0.01)
    yield SECOND
