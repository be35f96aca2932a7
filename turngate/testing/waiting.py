"""Waiting for conditions, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 60.0
"""A wait ends as soon as what it waits for is there; only a failure takes this long."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Returns once the condition holds; fails with `what` is missing when it doesn't in time."""

    async def asked() -> object:
        return condition()

    await until_answered(asked, what)


async def until_answered(ask: Callable[[], Awaitable[object]], what: str) -> None:
    """The same for a condition that has to be asked for."""
    deadline = time.monotonic() + PATIENCE_S
    while not await ask():
        assert time.monotonic() < deadline, f"still not true after {PATIENCE_S:.0f} s: {what}"
        await asyncio.sleep(0.01)
