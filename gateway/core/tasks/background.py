"""Runs tasks that nobody awaits, and loses neither a task to the garbage collector nor an exception."""

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
    """Holds references to running tasks and logs their exceptions."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[None, None, None], name: str, context: Context | None = None) -> asyncio.Task[None]:
        """Starts a task, which ends by itself or with `stop`. `context`: its context variables; None copies the caller's."""
        task = asyncio.create_task(work, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def shielded(self, work: Coroutine[None, None, Answer]) -> Answer:
        """Returns or raises what the work does. The work runs to its end even if its caller is cancelled."""

        async def answer(answered: asyncio.Future[Answer]) -> None:
            settle(answered, await work)

        return await self.answering(answer, "shielded")

    async def answering(
        self, work: Callable[[asyncio.Future[Answer]], Coroutine[None, None, None]], name: str
    ) -> Answer:
        """Returns the answer that the work sets with `settle` while it continues, or raises its earlier exception.

        The work runs to its end even if its caller is cancelled.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(work(answered), name=name)
        self._tasks.add(task)
        task.add_done_callback(partial(self._answered, answered))
        return await answered

    def detach(self, task: asyncio.Task[None]) -> None:
        """Waits for the task and no longer stops it; the caller must keep a reference to it from now on."""
        self._tasks.discard(task)

    async def settle(self, timeout: float) -> bool:
        """Waits at most `timeout` seconds for the tasks that run now; returns whether all of them ended."""
        if not self._tasks:
            return True
        _, left = await asyncio.wait(tuple(self._tasks), timeout=max(timeout, 0))
        return not left

    async def stop(self, timeout: float = 1.0) -> None:
        """Cancels the tasks that still run and waits at most `timeout` seconds for them to end."""
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
            # The caller has gone. Reading the exception keeps asyncio from logging that nobody retrieved it.
            self._tasks.discard(task)
            _ = task.cancelled() or task.exception()
        elif answered.done():
            self._ended(task)
        else:
            self._tasks.discard(task)
            _fail(answered, task)


def settle(answered: asyncio.Future[Answer], answer: Answer) -> None:
    """Gives the answer to the caller if it still waits."""
    if not answered.done():
        answered.set_result(answer)


def _fail(answered: asyncio.Future[Answer], task: asyncio.Task[None]) -> None:
    if task.cancelled():
        answered.cancel()
    elif (error := task.exception()) is not None:
        answered.set_exception(error)
        # The caller may be cancelled before it retrieves the exception.
        answered.exception()
