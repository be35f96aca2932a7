"""Statements that share a round trip and a commit with whatever else arrived while the one before was under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.core.background import Background
from gateway.errors import StoreUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
LANES = 2
MOST = 64
PATIENCE_S = 1.0


def took_not_too_long(error: Exception) -> bool:
    """Once more would take as long again."""
    return not (isinstance(error, StoreUnavailable) and isinstance(error.__cause__, TimeoutError))


@dataclass(slots=True, eq=False)
class Waiting(Generic[Item, Answer]):
    """An item and who waits for its answer."""

    key: Hashable
    item: Item
    answer: asyncio.Future[Answer | None]


@dataclass(slots=True)
class Batches(Generic[Item, Answer]):
    """Sends items in batches. `run`: one statement, which answers by place in the batch; what it leaves out was not done.

    Nobody lingers: a batch leaves as soon as one of the `lanes` is free, with at most `most` items. One that has been under way
    for `patience_s` seconds, as on a connection that leads nowhere, holds its lane no longer. Two items with the same key are
    never under way together. `alone_after`: the errors of a batch after which each item is done by itself; everybody hears the others.
    """

    run: Callable[[Sequence[Item]], Awaitable[Mapping[int, Answer]]]
    alone_after: Callable[[Exception], bool] = took_not_too_long
    lanes: int = LANES
    most: int = MOST
    patience_s: float = PATIENCE_S
    _waiting: list[Waiting[Item, Answer]] = field(default_factory=list)
    _open: dict[Hashable, asyncio.Future[Answer | None]] = field(default_factory=dict)
    _busy: int = 0
    _work: Background = field(default_factory=Background)

    async def ask(self, key: Hashable, item: Item) -> Answer | None:
        """The item's answer; None: it has to be done by itself.

        That is so when it was left out, when its batch failed, and when an item of the same key came first. In the second
        case nobody knows whether it was done, so whoever does it has to recognise a repetition. Raises what `alone_after` says
        no to.
        """
        ahead = self._open.get(key)
        if ahead is not None:
            await asyncio.wait((ahead,))
            return None
        waiting = Waiting(key, item, asyncio.get_running_loop().create_future())
        self._open[key] = waiting.answer
        self._waiting.append(waiting)
        self._begin()
        return await waiting.answer

    def _begin(self) -> None:
        if self._waiting and self._busy < self.lanes:
            self._busy += 1
            # A task begins in the next pass of the loop: whatever else arrives in this one goes with it.
            self._work.start(self._leave(), "batch")

    async def _leave(self) -> None:
        batch = list(self._next())
        if batch:
            await self._send(batch)
        else:
            self._free()

    def _next(self) -> Iterator[Waiting[Item, Answer]]:
        """The items that leave now; those that nobody waits for any more are dropped."""
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
        except Exception as error:  # noqa: BLE001 - the one item that is to blame raises it again, by itself
            failure = None if self.alone_after(error) else error
        finally:
            impatience.cancel()
            for place, waiting in enumerate(batch):
                del self._open[waiting.key]
                _settle(waiting.answer, answers.get(place), failure)
            lane.leave()

    def _free(self) -> None:
        self._busy -= 1
        self._begin()


@dataclass(slots=True)
class Lane:
    """A batch's place under way; it is left once."""

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
