"""Tasks that nobody awaits: none is lost to the garbage collector, and no exception either."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class Background:
    """Holds running tasks, and logs what one of them raises."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Starts it; it ends by itself or with `stop`."""
        task = asyncio.create_task(work, name=name)
        self._hold(task)
        task.add_done_callback(_log_failure)
        return task

    async def outlasting(self, work: Coroutine[None, None, Answer]) -> Answer:
        """What the work answers or raises. It goes on to its end when its caller is cancelled."""
        task = asyncio.create_task(work)
        self._hold(task)
        task.add_done_callback(_hear_failure)
        return await asyncio.shield(task)

    def _hold(self, task: asyncio.Task[object]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, timeout: float) -> bool:
        """Waits for what runs now, at most `timeout` seconds; whether all of it ended."""
        if not self._tasks:
            return True
        _, left = await asyncio.wait(tuple(self._tasks), timeout=max(timeout, 0))
        return not left

    async def stop(self, timeout: float = 1.0) -> None:
        """Cancels what still runs and waits for it to end, at most `timeout` seconds."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await self.settle(timeout)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_failed", task=task.get_name(), exc_info=error)


def _hear_failure(task: asyncio.Task[object]) -> None:
    """Where the caller has gone, asyncio would log that nobody asked how it failed."""
    if not task.cancelled():
        task.exception()
