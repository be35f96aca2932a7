"""Work that waits in the database, for `/metrics`."""

from __future__ import annotations

from dataclasses import dataclass

from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("backlog")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Unsent chunks, turns not yet started, and the seconds that the oldest of each has waited.

    `unindexed_s`: messages older than that many seconds are in the search index.
    """

    unsent: int
    unsent_s: float
    queued: int
    queued_s: float
    unindexed_s: float


async def measure(database: Database) -> Backlog:
    """Measures over all replicas. Raises `StoreUnavailable`."""
    async with database.own_work() as connection:
        row = await fetch_one(connection, SQL["measure"])
    return Backlog(row["unsent"], row["unsent_s"], row["queued"], row["queued_s"], row["unindexed_s"])
