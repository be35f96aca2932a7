"""The record of chunks on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.model import Address, Chunk, OutboxItem, ReplicaId
from storage.queries import load_queries

if TYPE_CHECKING:
    from gateway.core.ports.outbox import Undelivered
    from storage.database import Database

SQL = load_queries("outbox")
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class PostgresOutbox:
    """`OutboxStore` on Postgres."""

    database: Database
    replica_id: ReplicaId

    async def mark(self, sent: Sequence[int], undelivered: Sequence[Undelivered]) -> None:
        items = [*sent, *(each.item_id for each in undelivered)]
        states = ["sent"] * len(sent) + [each.state for each in undelivered]
        errors = [None] * len(sent) + [each.reason for each in undelivered]
        # On disk before the next chunk leaves: a mark that Postgres forgets in a crash would repeat a chunk for nothing.
        async with self.database.own_work() as connection:
            await connection.execute(SQL["settle"], items, states, errors)

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["steal"], self.replica_id, limit, expired, held)
        return [
            OutboxItem(row["item_id"], Address(row["address"]), Chunk(row["content"], row["markup"]), row["attempts"])
            for row in sorted(rows, key=lambda row: row["item_id"])
        ]

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        async with self.database.own_work() as connection:
            return [row["item_id"] for row in await connection.fetch(SQL["mine"], items, self.replica_id)]

    async def forget_sent(self, days: int) -> int:
        removed = 0
        while True:
            async with self.database.own_work() as connection:
                status: str = await connection.execute(SQL["forget_sent"], days, _AT_ONCE)
            count = int(status.rpartition(" ")[2])
            removed += count
            if count < _AT_ONCE:
                return removed
