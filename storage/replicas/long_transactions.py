"""Watches for transactions that stay open: Postgres cleans up nothing that was deleted or changed since they began."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Gauge

from gateway.errors import StoreUnavailable
from storage.database import fetch_one, in_transaction
from storage.queries import load_queries

if TYPE_CHECKING:
    from storage.database import Database

log = structlog.get_logger(__name__)

SQL = load_queries("long_transactions")
LIMIT = timedelta(minutes=5)
EVERY_S = 60.0
OLDEST = Gauge("turngate_oldest_transaction_seconds", "How long the oldest transaction in the database has been open.")
UNSEEN = "one that this login is not allowed to see"
REMEDY = (
    "Find it in pg_stat_activity by the oldest xact_start (a superuser sees everybody's) and end it: "
    "SELECT pg_terminate_backend(pid); a prepared one: ROLLBACK PREPARED. Until then, tables grow and get slower."
)


@dataclass(frozen=True, slots=True)
class Observation:
    """The state at one moment. `oldest`: the oldest open transaction id, if later ones have ended; everybody may see it.

    `age`, `holder`: of the oldest open transaction among those that this login may see: all for members of `pg_monitor`,
    else its own. One that only reads has no id, and holds the clean-up all the same.
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
        """The standstill as of the next look."""
        return self if seen.oldest == self.oldest else Standstill(seen.oldest, now)

    def lasted(self, now: float) -> timedelta:
        """How long that id has been held."""
        return timedelta(0) if self.oldest is None else timedelta(seconds=now - self.since)


async def observe(database: Database) -> Observation:
    """Raises `StoreUnavailable`."""
    # As whoever logged in: the roles of the gateway may see less.
    async with database.own_work() as connection, in_transaction(connection):
        await connection.execute("SET LOCAL ROLE NONE")
        row = await fetch_one(connection, SQL["observe"])
    return Observation(row["oldest"], row["age"] or timedelta(0), row["holder"] or UNSEEN)


class LongTransactions:
    """Says so, once and again as time passes, when a transaction stays open for longer than `limit`."""

    def __init__(self, database: Database, limit: timedelta = LIMIT, every_s: float = EVERY_S) -> None:
        self._database = database
        self._limit = limit
        self._every_s = every_s
        self._standstill = Standstill(None, time.monotonic())
        self._warned = 0

    async def run(self) -> None:
        """Looks for as long as it runs; while the database is away there is nothing to see."""
        while True:
            try:
                self._warn_if_long(await observe(self._database))
            except StoreUnavailable as error:
                log.debug("oldest_transaction_unknown", reason=str(error))
            await asyncio.sleep(self._every_s)

    def _warn_if_long(self, seen: Observation) -> None:
        now = time.monotonic()
        self._standstill = self._standstill.after(seen, now)
        lasted = self._standstill.lasted(now)
        age, holder = (seen.age, seen.holder) if seen.age >= lasted else (lasted, UNSEEN)
        OLDEST.set(age.total_seconds())
        times = age // self._limit
        if times > self._warned:
            log.warning("oldest_transaction", seconds=round(age.total_seconds()), holder=holder, remedy=REMEDY)
        self._warned = times
