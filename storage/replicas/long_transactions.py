"""Watches for transactions that stay open: Postgres cannot clean up anything that was deleted or changed since they started."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Gauge

from storage.database import Database, fetch_one
from storage.pools import in_transaction
from storage.queries import load_queries

log = structlog.get_logger(__name__)

SQL = load_queries("long_transactions")
LIMIT = timedelta(minutes=5)
OLDEST = Gauge("turngate_oldest_transaction_seconds", "How long the oldest transaction in the database has been open.")
UNSEEN = "one that this login is not allowed to see"
REMEDY = (
    "Find it in pg_stat_activity by the oldest xact_start (a superuser sees everybody's) and end it: "
    "SELECT pg_terminate_backend(pid); a prepared one: ROLLBACK PREPARED. Until then, tables grow and get slower."
)


@dataclass(frozen=True, slots=True)
class Observation:
    """The state at one moment. `oldest`: the oldest open transaction id, if later ones have ended; visible to every login.

    `age`, `holder`: of the oldest open transaction that this login may see: all for members of `pg_monitor`, otherwise
    its own. A read-only transaction has no id, but prevents cleanup all the same.
    """

    oldest: int | None
    age: timedelta
    holder: str


@dataclass(frozen=True, slots=True)
class Standstill:
    """Since when (monotonic seconds) the oldest open transaction id has been the same."""

    oldest: int | None
    since: float

    def after(self, seen: Observation, now: float) -> Standstill:
        """Returns the standstill after the next observation."""
        return self if seen.oldest == self.oldest else Standstill(seen.oldest, now)

    def lasted(self, now: float) -> timedelta:
        """How long that id has been held."""
        return timedelta(0) if self.oldest is None else timedelta(seconds=now - self.since)


async def observe(database: Database) -> Observation:
    """Raises `StoreUnavailable`."""
    # As the login itself: the gateway's roles may see less.
    async with database.own_work() as connection, in_transaction(connection):
        await connection.execute("SET LOCAL ROLE NONE")
        row = await fetch_one(connection, SQL["observe"])
    return Observation(row["oldest"], row["age"] or timedelta(0), row["holder"] or UNSEEN)


class LongTransactions:
    """Warns when a transaction stays open for longer than `limit`, and again as time passes."""

    def __init__(self, database: Database, limit: timedelta = LIMIT) -> None:
        self._database = database
        self._limit = limit
        self._standstill = Standstill(None, time.monotonic())
        self._warned = 0

    async def check(self) -> None:
        """Checks once. Raises `StoreUnavailable`."""
        seen = await observe(self._database)
        now = time.monotonic()
        self._standstill = self._standstill.after(seen, now)
        lasted = self._standstill.lasted(now)
        age, holder = (seen.age, seen.holder) if seen.age >= lasted else (lasted, UNSEEN)
        OLDEST.set(age.total_seconds())
        times = age // self._limit
        if times > self._warned:
            log.warning("oldest_transaction", seconds=round(age.total_seconds()), holder=holder, remedy=REMEDY)
        self._warned = times
