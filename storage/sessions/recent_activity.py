"""Sessions with recent activity, and their places in the indexes of lists (`migrations/0003`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("recent_activity")
QUIET = timedelta(seconds=1)
"""A session whose last activity was later is in use: a message to it would meet the lock of whoever places it."""
MOST = 500
"""Sessions per transaction."""


@dataclass(frozen=True, slots=True)
class PostgresRecentActivity:
    """`RecentActivity` on Postgres."""

    database: Database
    quiet: timedelta = QUIET
    most: int = MOST

    async def place_in_lists(self) -> int:
        placed = 0
        while True:
            async with self.database.own_work() as connection:
                some: int = await connection.fetchval(SQL["place"], self.most, self.quiet)
            placed += some
            if some < self.most:
                return placed
