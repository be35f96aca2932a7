"""Agents that misuse their task, for `target` settings of tests."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from gateway.core.model import Turn

SEEN: ContextVar[str] = ContextVar("SEEN", default="nothing")


async def cancelling_itself(turn: Turn) -> str:
    """Cancels the task it runs in, and still answers."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return f"re: {turn.text}"


async def cancelling_ever_after(turn: Turn) -> str:
    """Leaves something behind that cancels its task in each step of the event loop, like a scope that was never left."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def cancel() -> None:
        if not task.done():
            loop.call_soon(cancel)
            task.cancel()

    loop.call_soon(cancel)
    return f"re: {turn.text}"


async def remembering(turn: Turn) -> str:
    """Returns the previous value of a context variable, and sets it."""
    before = SEEN.get()
    SEEN.set(turn.text)
    await asyncio.sleep(0.2 if turn.text == "first" else 0)
    return f"saw {before}"
