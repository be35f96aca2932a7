"""Checks of the database, and of what replicas have recorded there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import storage.migrating.migrate
from channels.table import known_channels
from gateway.app.building.stores import database_logins, listening_url, open_postgres
from gateway.cli.checks.finding import Finding
from gateway.config import Settings
from gateway.core.ports.loop_blocks import LoopBlock
from gateway.errors import GatewayError, NotificationsUnavailable
from storage.database import Database, open_pools
from storage.identity import Identity
from storage.migrating.phases import is_post
from storage.replicas import long_transactions
from storage.replicas.broadcast import PostgresBroadcast
from storage.sessions import word_index
from storage.turns.loop_blocks import PostgresLoopBlocks

MOST_SKEW = timedelta(seconds=5)
MOST_NAMES = 3
MOST_LAG = timedelta(minutes=10)


async def check_database(settings: Settings) -> AsyncIterator[Finding]:
    remedy = (
        "Check that it runs and that TURNGATE_DATABASE_URL is right."
        if settings.database_url
        else "Run: pip install 'turngate[postgres]', or set TURNGATE_DATABASE_URL."
    )
    try:
        async with open_postgres(settings) as url:
            waiting = await storage.migrating.migrate.pending_migrations(url, channels=known_channels())
            yield migrations(waiting, is_new=bool(waiting) and await storage.migrating.migrate.is_new(url))
            if all(map(is_post, waiting)):
                async for finding in _connected(settings):
                    yield finding
    except GatewayError as error:
        yield Finding("database", ok=False, detail=str(error), remedy=remedy)


def migrations(waiting: Sequence[str], *, is_new: bool) -> Finding:
    """Whether the schema is up to date. `is_new`: the database has no tables, and the gateway's first start creates them."""
    if is_new:
        return Finding("migrations", ok=True, detail="a new database; `turngate serve` sets it up")
    if not waiting:
        return Finding("migrations", ok=True, detail="up to date")
    if all(map(is_post, waiting)):
        detail = (
            f"{', '.join(waiting)} waits until no replica of an older version is running; then run: turngate migrate"
        )
        return Finding("migrations", ok=True, detail=detail)
    more = len(waiting) - MOST_NAMES
    names = ", ".join(waiting[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    return Finding("migrations", ok=False, detail=f"{len(waiting)} pending: {names}", remedy="Run: turngate migrate")


async def _connected(settings: Settings) -> AsyncIterator[Finding]:
    database = await open_pools(database_logins(settings), size=1)
    try:
        version, now = await _asked(database)
        yield Finding("database", ok=True, detail=f"PostgreSQL {version}, {roles(database.app.check.admitted)}")
        yield clock(now - datetime.now(UTC))
        yield transactions(await long_transactions.observe(database))
        yield search(await word_index.lag(database))
        yield await notifications(PostgresBroadcast(database, listening_url(settings)), settings.replica.poll_s)
        for block in await PostgresLoopBlocks(database).recent():
            if block.agent in settings.agents:
                yield blocking(block)
    finally:
        await database.close()


async def notifications(broadcast: PostgresBroadcast, poll_s: float) -> Finding:
    """Whether replicas notify each other of changes, or have to poll."""
    try:
        await broadcast.check()
    except NotificationsUnavailable as error:
        return Finding("notifications", ok=True, detail=f"polled every {poll_s:g} s. {error}")
    return Finding("notifications", ok=True, detail="notifications from other replicas arrive at once")


async def _asked(database: Database) -> tuple[str, datetime]:
    """Raises `StoreUnavailable` if a connection fails its role check, or leads to a standby."""
    await database.prove()
    async with database.connection() as connection:
        version: str = await connection.fetchval("SELECT current_setting('server_version')")
    async with database.all_users() as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return version, now


def blocking(block: LoopBlock) -> Finding:
    """An agent that blocked its gateway's event loop."""
    return Finding(
        f"agent {block.agent}",
        ok=False,
        detail=f"blocked the event loop for {block.seconds:.0f} s at {block.noted_at:%Y-%m-%d %H:%M} UTC ({block.place})",
        remedy="Await slow calls, or write the agent as a plain `def`, which runs in a thread (docs/agents.md).",
    )


def roles(found: Identity | None) -> str:
    """How the application's role is isolated, as its connection proved."""
    if found is None or found.login == found.role:
        return "both roles verified, each with its own login"
    kind = "the superuser" if found.login_is_superuser else "the login"
    return f"both roles verified, assumed by {kind} {found.login!r} (docs/operations.md: separate logins are safer)"


def clock(skew: timedelta) -> Finding:
    """Whether this machine and the database agree on the time."""
    seconds = skew.total_seconds()
    return Finding(
        "clock",
        ok=abs(skew) <= MOST_SKEW,
        detail=f"the database's clock is {abs(seconds):.1f} s {'ahead of' if seconds >= 0 else 'behind'} this machine's",
        remedy="Synchronize both machines with NTP: schedules and expiry times depend on the clock.",
    )


def transactions(seen: long_transactions.Observation) -> Finding:
    """Whether a transaction has been open for long, as far as this login may see."""
    minutes = seen.age.total_seconds() / 60
    return Finding(
        "transactions",
        ok=seen.age < long_transactions.LIMIT,
        detail=f"the oldest transaction has been open for {minutes:.0f} min ({seen.holder})"
        if seen.age
        else "none is open for long",
        remedy=long_transactions.REMEDY,
    )


def search(seen: word_index.Lag) -> Finding:
    """Whether a running gateway keeps the search index up to date."""
    behind = f"{seen.behind.total_seconds() / 60:.0f} min"
    earlier = "; earlier messages are still being indexed" if seen.first_round else ""
    return Finding(
        "search",
        ok=seen.behind < MOST_LAG or not seen.has_indexer,
        detail=f"everything up to {behind} ago is indexed{earlier}"
        if seen.has_indexer
        else "no gateway is running to fill the index",
        remedy="Look for indexing_later in the log of the gateways. Until then, searches only find the newest messages.",
    )
