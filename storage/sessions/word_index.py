"""The search index of words (`migrations/0015`), filled in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from asyncpg import Record

from gateway.core.model import ReplicaId
from gateway.core.ports.sessions.word_index import Indexed, IndexedSession, Look, Progress, Reach
from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("word_index")


@dataclass(frozen=True, slots=True)
class PostgresWordIndex:
    """`WordIndex` on Postgres."""

    database: Database
    replica_id: ReplicaId

    async def look(self, progress: Progress, reach: Reach) -> Look | None:
        async with self.database.own_work() as connection:
            row = await fetch_one(
                connection,
                SQL["look"],
                self.replica_id,
                progress.looked,
                reach.overlap,
                progress.swept,
                reach.sweep,
            )
        if not row["leads"]:
            return None
        return Look(row["looked_at"], _sessions(row["chats"]), row["more"], row["sweep_end"], row["first_round"])

    async def index(self, sessions: Sequence[IndexedSession], most: int) -> Indexed:
        try:
            row = await self._index(sessions, most, carefully=False)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError):
            # The words of some text are rejected: all others are indexed, and the text is named.
            row = await self._index(sessions, most, carefully=True)
        return Indexed(row["indexed"], _sessions(row["remaining"]), row["refused"])

    async def _index(self, sessions: Sequence[IndexedSession], most: int, *, carefully: bool) -> Record:
        async with self.database.own_work() as connection:
            return await fetch_one(connection, SQL["index"], sessions, most, carefully)


@dataclass(frozen=True, slots=True)
class Lag:
    """Everything said more than `behind` ago is indexed. `first_round`: except in sessions from before there was an index.

    `has_indexer`: whether a live replica indexes.
    """

    behind: timedelta
    first_round: bool
    has_indexer: bool


async def lag(database: Database) -> Lag:
    """How far the index is behind. Raises `StoreUnavailable`."""
    async with database.own_work() as connection:
        row = await fetch_one(connection, SQL["lag"])
    return Lag(timedelta(seconds=row["lag_s"]), row["first_round"], row["has_indexer"])


def _sessions(chat_ids: Sequence[object] | None) -> Sequence[IndexedSession]:
    return tuple(chat_ids or ())  # type: ignore[arg-type]
