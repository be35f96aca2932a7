"""The store of chunks to be delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.core.model import Address, ReplicaId
from gateway.core.outbound import Chunk, OutboxItem
from gateway.core.ports.outbox import Settled
from gateway.errors import StoreUnavailable
from storage.batches import Batches
from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("outbox")
_AT_ONCE = 5_000


@dataclass(slots=True)
class PostgresOutbox:
    """`OutboxStore` on Postgres. Simultaneous marks and lookups share a statement and a commit."""

    database: Database
    replica_id: ReplicaId
    _marks: Batches[Settled, bool] = field(init=False)
    _looks: Batches[Sequence[int], Sequence[int]] = field(init=False)

    def __post_init__(self) -> None:
        # Chunks leave at the pace of their network: one lane is enough, and shares more.
        self._marks = Batches(self._mark_all, lanes=1, alone_after=_not_away)
        self._looks = Batches(self._look_for_all, lanes=1, alone_after=_not_away)

    async def mark(self, settled: Settled) -> None:
        if await self._marks.ask(settled.item_id, settled) is None:
            async with self.database.own_work() as connection:
                await connection.execute(SQL["settle_one"], settled.item_id, settled.state, settled.reason)

    async def _mark_all(self, marks: Sequence[Settled]) -> Mapping[int, bool]:
        items, states = [mark.item_id for mark in marks], [mark.state for mark in marks]
        # On disk before the next chunk leaves: a mark that Postgres loses in a crash would repeat a chunk needlessly.
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["settle"], items, states, [mark.reason for mark in marks])
        return {row["place"] - 1: True for row in rows}

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        mine = await self._looks.ask(tuple(items), items)
        return await self._look_for(items) if mine is None else mine

    async def _look_for_all(self, asked: Sequence[Sequence[int]]) -> Mapping[int, Sequence[int]]:
        mine = set(await self._look_for([item_id for items in asked for item_id in items]))
        return {place: [item_id for item_id in items if item_id in mine] for place, items in enumerate(asked)}

    async def _look_for(self, items: Sequence[int]) -> Sequence[int]:
        async with self.database.own_work() as connection:
            return [row["item_id"] for row in await connection.fetch(SQL["mine"], items, self.replica_id)]

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["steal"], self.replica_id, limit, expired, held)
        return [
            OutboxItem(row["item_id"], Address(row["address"]), Chunk(row["content"], row["markup"]), row["attempts"])
            for row in sorted(rows, key=lambda row: row["item_id"])
        ]

    async def forget_sent(self, days: int) -> int:
        removed = 0
        while True:
            async with self.database.own_work() as connection:
                status: str = await connection.execute(SQL["forget_sent"], days, _AT_ONCE)
            count = int(status.rpartition(" ")[2])
            removed += count
            if count < _AT_ONCE:
                return removed


def _not_away(error: Exception) -> bool:
    """While the database is unavailable, nothing is gained by asking for each item; callers retry."""
    return not isinstance(error, StoreUnavailable)
