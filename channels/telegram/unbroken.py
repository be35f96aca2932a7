"""Requests that end by themselves even if nobody waits for them any more.

httpcore 1.0 loses the connection of a request whose task is cancelled just before it starts or while its answer is being closed: the
connection stays open, counts as busy, and is never used again. A bot cancels a request for every "typing …" that the answer overtakes,
so its pool would be full of such connections one day, and nothing could be sent until a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from channels.telegram.fence import fenced

T = TypeVar("T")


class Unbroken:
    """Runs each request in a task of its own."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[object]] = set()

    async def run(self, request: Coroutine[None, None, T]) -> T:
        """The request's result. A caller that is cancelled leaves it alone; it does not leave then if it has not yet."""
        abandoned = asyncio.Event()
        with fenced(lambda: not abandoned.is_set()):
            task = asyncio.create_task(request)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            abandoned.set()
            raise

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Nobody may be left to hear of it.
            task.exception()

    async def close(self) -> None:
        """Cancels what is under way: its connections are about to be closed."""
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
