"""T3: writes down what became of chunks, many at a time, and tells who waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.core.ports.outbox import OutboxStore, Undelivered
from gateway.errors import StoreUnavailable

TOGETHER_S = 0.02
"""Seconds in which marks come together: each batch is a commit."""
AWAY_S = 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of an item: sent, unless it is `undelivered`. `written`: done once the database has it."""

    item_id: int
    undelivered: Undelivered | None
    written: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Marks:
    """A batch that fills while the one before is written."""

    def __init__(self, store: OutboxStore) -> None:
        self._store = store
        self._waiting: list[Mark] = []
        self._some = asyncio.Event()
        self._writing = asyncio.Lock()

    async def sent(self, item_id: int) -> None:
        """Returns once it is written that the item was sent."""
        await self._settle(Mark(item_id, None))

    async def undelivered(self, item: Undelivered) -> None:
        """Returns once it is written that the item is not sent again."""
        await self._settle(Mark(item.item_id, item))

    async def _settle(self, mark: Mark) -> None:
        self._waiting.append(mark)
        self._some.set()
        await mark.written

    async def run(self) -> None:
        """Writes for as long as it runs; while the database is away, marks wait."""
        while True:
            await self._some.wait()
            await asyncio.sleep(TOGETHER_S if await self.write() else AWAY_S)

    async def write(self) -> bool:
        """Writes what waits, after what is being written; whether the database took it."""
        async with self._writing:
            return await self._write()

    async def _write(self) -> bool:
        marks, self._waiting = self._waiting, []
        self._some.clear()
        if not marks:
            return True
        try:
            await self._store.mark(
                [mark.item_id for mark in marks if mark.undelivered is None],
                [mark.undelivered for mark in marks if mark.undelivered is not None],
            )
        except StoreUnavailable:
            self._take_back(marks)
            return False
        except BaseException:
            self._take_back(marks)
            raise
        for mark in marks:
            if not mark.written.done():
                mark.written.set_result(None)
        return True

    def _take_back(self, marks: list[Mark]) -> None:
        self._waiting = marks + self._waiting
        self._some.set()
