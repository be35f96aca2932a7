"""Batches: items that arrive while a statement is under way share the next round trip and commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.core.tasks.background import Background
from gateway.errors import StoreUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
LANES = 2
MOST = 64
PATIENCE_S = 1.0


def failed_quickly(error: Exception) -> bool:
    """Whether the failure was quick: another try would take as long again."""
    return not (isinstance(error, StoreUnavailable) and isinstance(error.__cause__, TimeoutError))


@dataclass(slots=True, eq=False)
class Waiting(Generic[Item, Answer]):
    """An item and the caller that waits for its answer."""

    key: Hashable
    item: Item
    answer: asyncio.Future[Answer | None]


@dataclass(slots=True)
class Batches(Generic[Item, Answer]):
    """Sends items in batches. `run`: one statement, which returns answers by position in the batch; items it leaves out were not done.

    There is no delay: a batch leaves as soon as one of the `lanes` is free, with at most `most` items. A batch that has been under way
    for `patience_s` seconds, as on a dead connection, no longer occupies its lane. Two items with the same key are
    never under way together. `alone_after`: errors of a batch after which each item is retried alone; other errors go to all callers.
    """

    run: Callable[[Sequence[Item]], Awaitable[Mapping[int, Answer]]]
    alone_after: Callable[[Exception], bool] = failed_quickly
    lanes: int = LANES
    most: int = MOST
    patience_s: float = PATIENCE_S
    _waiting: list[Waiting[Item, Answer]] = field(default_factory=list)
    _open: dict[Hashable, asyncio.Future[Answer | None]] = field(default_factory=dict)
    _busy: int = 0
    _work: Background = field(default_factory=Background)

    async def ask(self, key: Hashable, item: Item) -> Answer | None:
        """Returns the item's answer; None: the caller must do it alone.

        That happens when the batch left the item out, when the batch failed, and when another item with the same key came first. After a
        failed batch it is unknown whether the item was done, so doing it alone must recognise a repetition. Raises the errors that
        `alone_after` rejects.
        """
        ahead = self._open.get(key)
        if ahead is not None:
            await asyncio.wait((ahead,))
            return None
        waiting = Waiting(key, item, asyncio.get_running_loop().create_future())
        self._open[key] = waiting.answer
        self._waiting.append(waiting)
        if self._busy < self.lanes:
            self._busy += 1
            await self._lead(waiting)
        return await waiting.answer

    async def _lead(self, first: Waiting[Item, Answer]) -> None:
        """Sends a batch: a single item in the caller's own task; several in another, which goes on when that caller gives up."""
        try:
            # Whatever else arrives in this pass of the event loop goes with it.
            await asyncio.sleep(0)
        except BaseException:
            first.answer.cancel()
            self._free()
            raise
        if self._waiting == [first]:
            await self._leave()
        else:
            self._work.start(self._leave(), "batch")

    async def _leave(self) -> None:
        batch = list(self._next())
        if batch:
            await self._send(batch)
        else:
            self._free()

    def _next(self) -> Iterator[Waiting[Item, Answer]]:
        """The items that leave now; items whose callers have gone are dropped."""
        taken, self._waiting = self._waiting[: self.most], self._waiting[self.most :]
        for waiting in taken:
            if waiting.answer.done():
                del self._open[waiting.key]
            else:
                yield waiting

    async def _send(self, batch: Sequence[Waiting[Item, Answer]]) -> None:
        answers: Mapping[int, Answer] = {}
        failure: Exception | None = None
        lane = Lane(self._free)
        impatience = asyncio.get_running_loop().call_later(self.patience_s, lane.leave)
        try:
            answers = await self.run([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001 - the item at fault raises it again when done alone
            failure = None if self.alone_after(error) else error
        finally:
            impatience.cancel()
            for place, waiting in enumerate(batch):
                del self._open[waiting.key]
                _settle(waiting.answer, answers.get(place), failure)
            lane.leave()

    def _free(self) -> None:
        self._busy -= 1
        if self._waiting and self._busy < self.lanes:
            self._busy += 1
            self._work.start(self._leave(), "batch")


@dataclass(slots=True)
class Lane:
    """A place for a batch under way; it is released once."""

    free: Callable[[], None]
    held: bool = True

    def leave(self) -> None:
        if self.held:
            self.held = False
            self.free()


def _settle(future: asyncio.Future[Answer | None], answer: Answer | None, failure: Exception | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(answer)
    else:
        future.set_exception(StoreUnavailable(str(failure)))
