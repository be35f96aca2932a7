"""Identified visitors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.core.model import UserId
from gateway.errors import Conflict
from storage.database import Database, fetch_one
from storage.pools import in_transaction
from storage.queries import load_queries

SQL = load_queries("visitors")


@dataclass(frozen=True, slots=True)
class PostgresVisitors:
    """`VisitorStore` on Postgres (`migrations/0013`)."""

    database: Database

    async def identify(self, visitor: UserId, user_id: UserId) -> int:
        async with self.database.all_users() as connection, in_transaction(connection):
            row = await fetch_one(connection, SQL["identify"], visitor, user_id)
            if row["status"] == "taken":
                raise Conflict("This visitor already belongs to another user.")
            if row["status"] == "busy":
                raise Conflict("An answer to this visitor is still being written. Try again when it is finished.")
        moved: int = row["moved"]
        return moved

    async def identified(self, visitors: Sequence[UserId]) -> Collection[UserId]:
        async with self.database.all_users() as connection:
            rows = await connection.fetch(SQL["identified"], visitors)
        return {UserId(row["visitor_id"]) for row in rows}

    async def forget_erased(self) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["forget_erased"])
