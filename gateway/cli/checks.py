"""The checks of `turngate doctor`, one after the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import storage.migrating.migrate
from channels.installed import BrokenPackage, broken_packages, installed_names
from channels.table import Chosen, chosen_networks, known_channels, switched_off
from gateway.agents.registry import build_agents
from gateway.app.building.stores import database_logins, listening_url, open_postgres
from gateway.config import Settings
from gateway.core.networks import CheckedCall, IsPolled
from gateway.core.ports.agents import Agent, Checking, Closing
from gateway.core.ports.loop_blocks import LoopBlock
from gateway.errors import AgentError, GatewayError, NothingHeard, SettingsError
from storage.database import Database, open_pools
from storage.identity import Identity
from storage.migrating.phases import is_post
from storage.replicas import long_transactions
from storage.replicas.replicas import is_polled
from storage.replicas.wire import PostgresWire
from storage.sessions import word_index
from storage.turns.loop_blocks import PostgresLoopBlocks

LEAST_FREE = 500 * 1024 * 1024
"""Bytes."""
MOST_SKEW = timedelta(seconds=5)
LONGEST_CHECK_S = 10.0
MOST_NAMES = 3
MOST_LAG = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `remedy`: what to do if it failed."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


async def check_all(settings: Settings) -> AsyncIterator[Finding]:
    """Checks everything that can be checked once the settings are readable."""
    if settings.failpoints:
        yield failpoints(settings.failpoints)
    yield data_dir(settings.data_dir)
    yield disk(settings.data_dir)
    async for finding in _database(settings):
        yield finding
    for name in settings.agents:
        yield await agent(settings, name)
    for finding in [*unused_networks(settings), *map(_broken, broken_packages())]:
        yield finding
    async for finding in networks(settings):
        yield finding


def failpoints(written: Mapping[str, str]) -> Finding:
    """Reports that failpoints are set."""
    return Finding(
        "failpoints",
        ok=False,
        detail=f"this gateway is set to fail on purpose: {', '.join(f'{name} {what}' for name, what in written.items())}",
        remedy="Unset TURNGATE_FAILPOINTS, unless this is a test.",
    )


def data_dir(folder: Path) -> Finding:
    """Whether the data dir is writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "data dir", ok=False, detail=f"{folder}: {error.strerror}", remedy="Set TURNGATE_DATA_DIR or --data-dir."
        )
    return Finding("data dir", ok=True, detail=str(folder))


def disk(folder: Path) -> Finding:
    """Whether there is room for the database to grow."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(there).free
    detail = f"{free / 1024**3:.1f} GiB free"
    return Finding(
        "disk", ok=free >= LEAST_FREE, detail=detail, remedy="Free some space, or move the data dir elsewhere."
    )


async def _database(settings: Settings) -> AsyncIterator[Finding]:
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
        yield await news(PostgresWire(database, listening_url(settings)), settings.replica.poll_s)
        for block in await PostgresLoopBlocks(database).recent():
            if block.agent in settings.agents:
                yield blocking(block)
    finally:
        await database.close()


async def news(wire: PostgresWire, poll_s: float) -> Finding:
    """Whether replicas notify each other of changes, or have to poll."""
    try:
        await wire.check()
    except NothingHeard as error:
        return Finding("news", ok=True, detail=f"polled every {poll_s:g} s. {error}")
    return Finding("news", ok=True, detail="notifications from other replicas arrive at once")


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
        detail=f"the database's is {abs(seconds):.1f} s {'ahead' if seconds >= 0 else 'behind'}",
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


async def agent(settings: Settings, name: str) -> Finding:
    """Whether the agent can be built and reaches what it needs."""
    chosen = settings.agents[name]
    wrong = f"Change [agents.{name}] in the settings."
    try:
        (built,) = build_agents({name: chosen}, settings.turns).values()
    except GatewayError as error:
        return Finding(f"agent {name}", ok=False, detail=str(error), remedy=wrong)
    try:
        found = await _checked(built)
    except AgentError as error:
        remedy = f"Start the server that the agent needs, or change [agents.{name}] in the settings."
        return Finding(f"agent {name}", ok=False, detail=str(error), remedy=remedy)
    finally:
        if isinstance(built, Closing):
            await built.aclose()
    return Finding(f"agent {name}", ok=True, detail=f"kind {chosen.kind}{found}")


async def _checked(built: Agent) -> str:
    """Raises `AgentError`."""
    if not isinstance(built, Checking):
        return ""
    try:
        async with asyncio.timeout(LONGEST_CHECK_S):
            return f": {await built.check()}"
    except TimeoutError:
        raise AgentError(f"the service it needs did not answer within {LONGEST_CHECK_S:.0f} s") from None


async def _may_be_polled(settings: Settings, account: str) -> bool:
    """Without a database nobody knows, so a gateway may be polling."""
    try:
        async with open_postgres(settings):
            database = await open_pools(database_logins(settings), size=1)
            try:
                return await is_polled(database, account)
            finally:
                await database.close()
    except GatewayError:
        return True


def unused_networks(settings: Settings) -> Sequence[Finding]:
    """Installed networks that are off, and how to switch each one on."""
    ours = [Finding(name, ok=True, detail=f"off. {remedy}") for name, remedy in switched_off(settings).items()]
    others = [name for name in installed_names() if name not in settings.channels]
    return ours + [Finding(name, ok=True, detail=f"off; [channels.{name}] turns it on") for name in others]


async def networks(settings: Settings) -> AsyncIterator[Finding]:
    """Checks what the servers of all enabled networks support."""
    try:
        chosen = [each for each in chosen_networks(settings) if isinstance(each, Chosen)]
    except SettingsError as error:
        yield Finding("channels", ok=False, detail=str(error), remedy="Correct [channels] in the settings.")
        return
    for each in chosen:
        async for finding in _network(each, partial(_may_be_polled, settings)):
            yield finding


async def _network(chosen: Chosen, is_polled: IsPolled) -> AsyncIterator[Finding]:
    if chosen.kind.check is None:
        yield Finding(chosen.name, ok=True, detail="its settings can be used")
        return
    try:
        async with asyncio.timeout(LONGEST_CHECK_S):
            calls = await chosen.kind.check(chosen.settings, is_polled)
    except GatewayError as error:
        yield Finding(chosen.name, ok=False, detail=str(error))
    except TimeoutError:
        yield Finding(chosen.name, ok=False, detail=f"its network did not answer within {LONGEST_CHECK_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - a failing package is reported, and the others are checked
        yield Finding(chosen.name, ok=False, detail=f"checking it failed with {type(error).__name__}: {error}")
    else:
        for call in calls:
            yield network_call(chosen.name, call)


def network_call(name: str, call: CheckedCall) -> Finding:
    """Whether a network's server supports a call that the gateway needs; optional ones may be missing."""
    need = "essential" if call.essential else "optional"
    return Finding(
        f"{name} {call.method}",
        ok=call.works or not call.essential,
        detail=f"{need}: {call.detail}",
        remedy=f"Point the settings of {name} at a server that supports it.",
    )


def _broken(package: BrokenPackage) -> Finding:
    return Finding(
        f"channel {package.name}",
        ok=False,
        detail=package.reason,
        remedy="Upgrade or uninstall that package. The other channels work without it.",
    )
