"""Finds the work that waits for a replica, with one statement."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.lookback import FeedPosition
from gateway.core.model import ReplicaId, UserId
from gateway.core.ports.rounds import InHand, Waiting
from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("rounds")


@dataclass(frozen=True, slots=True)
class PostgresLookout:
    """`Lookout` on Postgres."""

    database: Database
    replica_id: ReplicaId

    async def look(self, in_hand: InHand) -> Waiting:
        async with self.database.own_work() as connection:
            row = await fetch_one(
                connection,
                SQL["look"],
                self.replica_id,
                in_hand.running,
                in_hand.held,
                in_hand.quiet,
                in_hand.every,
                in_hand.visitors,
                in_hand.tokens,
            )
        return Waiting(
            company=row["company"],
            turns=row["turns"],
            deliveries=row["deliveries"],
            fires_in=row["fires_in"],
            states=row["states"],
            erasures=row["erasures"],
            identified=tuple(map(UserId, row["identified"])),
            ended=tuple(row["ended"]),
            erased=tuple(map(UserId, row["erased"])),
            position=FeedPosition(row["now"], row["oldest"], row["next"]),
        )
