"""Waiting for conditions, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 60.0
"""Seconds; a wait ends as soon as its condition holds, so only a failure takes this long."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Returns once the condition holds; raises an error that names `what` if it does not in time."""

    async def asked() -> object:
        return condition()

    await until_answered(asked, what)


async def until_answered(ask: Callable[[], Awaitable[object]], what: str) -> None:
    """The same for a condition that is awaited."""
    deadline = time.monotonic() + PATIENCE_S
    while not await ask():
        assert time.monotonic() < deadline, f"still not true after {PATIENCE_S:.0f} s: {what}"
        await asyncio.sleep(0.01)
