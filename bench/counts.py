"""Counts the work of Postgres: counts depend neither on the machine nor on its other load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from storage.queries import named

SQL = named((Path(__file__).parent / "sql" / "counts.sql").read_text("utf-8"))
SERVER: Mapping[str, str] = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "none",
    "pg_stat_statements.max": "2000",
}
"""What the server is to be started with. Nothing is counted in a database before `count_in`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`statements`: including those inside functions. `commits`: those that write. `wal`: bytes, without full pages.

    `index_writes`: entries added to indexes. `hot`: how many updates needed no index entry.
    """

    statements: float
    commits: float
    records: float
    wal: float
    index_writes: float
    updates: float
    hot: float

    def __add__(self, more: Counts) -> Counts:
        return Counts(*(getattr(self, one.name) + getattr(more, one.name) for one in fields(self)))

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*(getattr(self, one.name) - getattr(earlier, one.name) for one in fields(self)))

    def per(self, many: float) -> Counts:
        """The same per turn, or per second."""
        return Counts(*(getattr(self, one.name) / many for one in fields(self)))

    @property
    def hot_ratio(self) -> float:
        """1 if no update wrote to an index, or there was none."""
        return self.hot / self.updates if self.updates else 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: the log's position, and how often each statement had run by then."""

    position: str
    calls: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the gateway's work in one database, without that of the measuring connection.

    `sent_only`: statements inside functions don't count.
    """

    connection: asyncpg.Connection[asyncpg.Record]
    sent_only: bool = False

    async def mark(self) -> Mark:
        """Takes a mark; everything before it has reached the log."""
        await self.connection.execute(SQL["flush"])
        position = str(await self.connection.fetchval(SQL["position"]))
        calls = await self.connection.fetch(SQL["calls"], self.sent_only)
        return Mark(position, {row["queryid"]: row["calls"] for row in calls})

    async def between(self, begun: Mark, ended: Mark, *, often: int = 1) -> Counts:
        """The work between two marks. Statements that ran less often than that were not for turns."""
        written = await self.connection.fetchrow(SQL["written"], begun.position, ended.position)
        assert written is not None
        runs = (calls - begun.calls.get(query, 0) for query, calls in ended.calls.items())
        return Counts(float(sum(times for times in runs if times >= often)), *map(float, written.values()))


async def count_in(url: str) -> None:
    """Starts counting the statements of new connections to this database. The server needs `SERVER`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SQL["extensions"])
        name = urlsplit(url).path.removeprefix("/")
        await connection.execute(await connection.fetchval(SQL["track"], name))
    finally:
        await connection.close()


@asynccontextmanager
async def counter(url: str, *, sent_only: bool = False) -> AsyncIterator[Counter]:
    """A connection that counts."""
    connection = await asyncpg.connect(url)
    try:
        yield Counter(connection, sent_only)
    finally:
        await connection.close()
