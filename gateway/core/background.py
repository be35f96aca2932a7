"""Tasks that nobody awaits: none is lost to the garbage collector, and no exception either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
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

    def start(self, work: Coroutine[None, None, None], name: str, context: Context | None = None) -> asyncio.Task[None]:
        """Starts it; it ends by itself or with `stop`. `context`: its context variables; None copies the caller's."""
        task = asyncio.create_task(work, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def outlasting(self, work: Coroutine[None, None, Answer]) -> Answer:
        """What the work answers or raises. It goes on to its end when its caller is cancelled."""

        async def answer(answered: asyncio.Future[Answer]) -> None:
            settle(answered, await work)

        return await self.answering(answer, "outlasting")

    async def answering(
        self, work: Callable[[asyncio.Future[Answer]], Coroutine[None, None, None]], name: str
    ) -> Answer:
        """The answer that the work sets with `settle` while it goes on, or what it raises before that.

        It goes on to its end when its caller is cancelled.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(work(answered), name=name)
        self._tasks.add(task)
        task.add_done_callback(partial(self._answered, answered))
        return await answered

    def let_go(self, task: asyncio.Task[None]) -> None:
        """Waits for it and stops it no more; whoever lets go keeps it from the garbage collector."""
        self._tasks.discard(task)

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

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_failed", task=task.get_name(), exc_info=error)

    def _answered(self, answered: asyncio.Future[Answer], task: asyncio.Task[None]) -> None:
        if answered.cancelled():
            # The caller has gone. Asked for its error, asyncio does not log that nobody did.
            self._tasks.discard(task)
            _ = task.cancelled() or task.exception()
        elif answered.done():
            self._ended(task)
        else:
            self._tasks.discard(task)
            _fail(answered, task)


def settle(answered: asyncio.Future[Answer], answer: Answer) -> None:
    """Answers whoever still waits."""
    if not answered.done():
        answered.set_result(answer)


def _fail(answered: asyncio.Future[Answer], task: asyncio.Task[None]) -> None:
    if task.cancelled():
        answered.cancel()
    elif (error := task.exception()) is not None:
        answered.set_exception(error)
        # The caller may be cancelled before it hears of it.
        answered.exception()
