"""Finds the work that waits for a replica, with one statement."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.lookback import FeedPosition
from gateway.core.model import ReplicaId, UserId
from gateway.core.ports.work_finder import KnownWork, Waiting
from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("work_finder")


@dataclass(frozen=True, slots=True)
class PostgresWorkFinder:
    """`WorkFinder` on Postgres."""

    database: Database
    replica_id: ReplicaId

    async def find(self, known_work: KnownWork) -> Waiting:
        async with self.database.own_work() as connection:
            row = await fetch_one(
                connection,
                SQL["find"],
                self.replica_id,
                known_work.running,
                known_work.held,
                known_work.quiet,
                known_work.every,
                known_work.visitors,
                known_work.tokens,
            )
        return Waiting(
            company=row["company"],
            turns=row["turns"],
            deliveries=row["deliveries"],
            fires_in=row["fires_in"],
            activity=row["activity"],
            states=row["states"],
            erasures=row["erasures"],
            identified=tuple(map(UserId, row["identified"])),
            ended=tuple(row["ended"]),
            erased=tuple(map(UserId, row["erased"])),
            position=FeedPosition(row["now"], row["oldest"], row["next"]),
        )
