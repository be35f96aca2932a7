"""Applies `migrations/` while gateways of the previous version continue to write.

Only one process at a time does so, under a lock that is polled: a blocking wait would deadlock with CREATE INDEX CONCURRENTLY.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import structlog
from pogo_core.error import BadMigrationError
from pogo_core.migration import Migration, topological_sort
from pogo_core.util import migrate as pogo
from pogo_core.util import sql as pogo_sql

from gateway.errors import SettingsError, StoreUnavailable
from storage.connections import AWAY
from storage.migrating.channel_names import allow_channels, missing_channels
from storage.migrating.origin import MIGRATIONS, applied_migrations, check_origin, digest, names
from storage.migrating.phases import OlderReplicasLive, check_version, is_post, needed_by, shut_out_older
from storage.migrating.progress import reported
from storage.pools import COMMAND_TIMEOUT_S

log = structlog.get_logger(__name__)

LOCK = 0x7475726E67617465  # "turngate"
LOCK_WAIT_S = 120.0
TABLE_WAIT_S = 2
"""Seconds that a migration waits for a table, and so do others queued behind it. By then autovacuum has given way: it is asked
to after `deadlock_timeout`, one second.
"""
TRIES_FOR_S = 120.0
PAUSE_S = (1.0, 2.0)
"""Between two tries, so that statements queued behind the first one can proceed."""
OLDEST, NEWEST = 15, 18
NO_TABLES = """
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))
"""


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(
            url,
            timeout=10,
            # A pooler may route each statement to another server process, which does not know the previous one.
            statement_cache_size=0,
            server_settings={"application_name": "turngate migrate", "timezone": "UTC"},
        )
    except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError, ValueError) as error:
        raise SettingsError(f"The database refused the connection: {error}. Check TURNGATE_DATABASE_URL.") from error
    except AWAY as error:
        raise StoreUnavailable(f"The database cannot be reached ({type(error).__name__}: {error}).") from error
    try:
        yield connection
    finally:
        with suppress(*AWAY):
            await connection.close(timeout=2)


async def migrate(url: str, folder: Path = MIGRATIONS, *, channels: Collection[str] = ()) -> list[str]:
    """Brings the schema up to the migrations in `folder`; safe when several replicas do so at once. Returns what was applied.

    Then allows the names of all `channels` in sessions; a new one counts as applied, as `channel NAME`. Migrations that a newer gateway
    applied and this folder lacks stay. A post migration stays pending while replicas of an older version live. A database of a version
    that was never released is refused.

    Raises `StoreUnavailable` if the database is unavailable, `SettingsError` if it cannot be used as it is.
    """
    async with _direct(url) as connection:
        try:
            _check_version(connection)
            if not await _pending(connection, folder) and not await missing_channels(connection, channels):
                return []
            await _refuse_pooler(connection)
            await _lock(connection)
            applied = await _apply_all(url, connection, folder) if await _pending(connection, folder) else []
            return applied + await _allow(connection, channels)
        except BadMigrationError as error:
            raise SettingsError(f"{error}.") from error
        except AWAY as error:
            raise StoreUnavailable(f"The database went away during a migration ({type(error).__name__}).") from error


async def _apply_all(url: str, connection: asyncpg.Connection, folder: Path) -> list[str]:
    await pogo_sql.ensure_pogo_sync(connection)
    found = await pogo_sql.read_migrations(folder, connection, schema_name="public")
    waiting = [each for each in topological_sort([each.load() for each in found]) if not each.applied]
    applied: list[str] = []
    for migration in waiting:
        try:
            async with reported(url, connection.get_server_pid(), migration.id):
                await _insist(migration.id, partial(_apply, connection, migration))
        except OlderReplicasLive as error:
            _leave(migration.id, error, [each.id for each in waiting[len(applied) + 1 :]])
            break
        applied.append(migration.id)
    return applied


async def _allow(connection: asyncpg.Connection, channels: Collection[str]) -> list[str]:
    if not (missing := await missing_channels(connection, channels)):
        return []
    await _insist("a channel's name", partial(_allow_now, connection, missing))
    return [f"channel {name}" for name in missing]


async def _allow_now(connection: asyncpg.Connection, missing: Collection[str]) -> None:
    await _be_patient(connection)
    await allow_channels(connection, missing)


def _leave(name: str, error: OlderReplicasLive, later: list[str]) -> None:
    """Postpones a post migration, unless this version needs something that comes after it."""
    needed = [each for each in later if not is_post(each)]
    if needed:
        raise StoreUnavailable(
            f"{name} comes before {needed[0]} and must wait. {error} Stop them, or upgrade to the version in between first."
        ) from error
    log.info("post_migration_waits", migration=name, older_replicas=error.slots)


async def _insist(name: str, apply: Callable[[], Awaitable[None]]) -> None:
    """Retries for as long as something is in the way: each migration can be restarted."""
    until = time.monotonic() + TRIES_FOR_S
    while True:
        try:
            return await apply()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"{name} timed out waiting for a table that something, such as a dump, keeps locked ({error})."
                ) from error
            log.info("migration_waits", migration=name, reason=str(error))
        except AWAY as error:
            raise StoreUnavailable(f"The database went away during {name} ({type(error).__name__}).") from error
        except asyncpg.PostgresError as error:
            raise SettingsError(f"{name} cannot be applied: {error}") from error
        await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - only to spread the tries


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    await _be_patient(connection)
    if is_post(migration.id):
        await shut_out_older(connection, needed_by(migration.path))
    async with pogo.transaction(connection, migration):
        await migration.apply(connection)
        await pogo_sql.migration_applied(connection, migration.id, digest(migration.path), schema_name="public")


async def _be_patient(connection: asyncpg.Connection) -> None:
    # A login may have other limits; building an index has none of these.
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(f"SET lock_timeout = '{TABLE_WAIT_S}s'")


async def pending_migrations(url: str, folder: Path = MIGRATIONS, *, channels: Collection[str] = ()) -> list[str]:
    """Names the migrations that a database lacks, post migrations included, in order, then `channel NAME` for channels to be added.

    Changes nothing. Raises like `migrate`.
    """
    async with _direct(url) as connection:
        try:
            missing = await missing_channels(connection, channels)
            return await _pending(connection, folder) + [f"channel {name}" for name in missing]
        except AWAY as error:
            raise StoreUnavailable(f"The database is not responding ({type(error).__name__}).") from error


async def is_new(url: str) -> bool:
    """Whether a database has no tables at all. Raises like `migrate`."""
    async with _direct(url) as connection:
        try:
            return bool(await connection.fetchval(NO_TABLES, timeout=COMMAND_TIMEOUT_S))
        except AWAY as error:
            raise StoreUnavailable(f"The database is not responding ({type(error).__name__}).") from error


async def _pending(connection: asyncpg.Connection, folder: Path) -> list[str]:
    async with asyncio.timeout(COMMAND_TIMEOUT_S):
        applied = await applied_migrations(connection)
        await check_version(connection, names(folder)[-1])
    check_origin(applied, folder)
    return [name for name in names(folder) if name not in applied]


def _check_version(connection: asyncpg.Connection) -> None:
    major = connection.get_server_version().major
    if major < OLDEST:
        raise SettingsError(f"PostgreSQL {major} is too old; Turngate needs {OLDEST} to {NEWEST}.")


async def _refuse_pooler(connection: asyncpg.Connection) -> None:
    """The lock belongs to a server process, and behind a pooler the next statement may run in another."""
    if await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid():
        raise SettingsError(
            "Migrations need a direct connection, but TURNGATE_DATABASE_URL leads through a connection pooler. Point it at "
            "the server itself; the pooler's URLs belong in TURNGATE_DATABASE__APP_URL and TURNGATE_DATABASE__SYSTEM_URL."
        )


async def _lock(connection: asyncpg.Connection) -> None:
    # Held by the session: it is released when the connection ends, for whatever reason.
    try:
        async with asyncio.timeout(LOCK_WAIT_S):
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(0.1 + random.random() * 0.2)  # noqa: S311 - only to spread the replicas
    except TimeoutError as error:
        raise StoreUnavailable(
            "Another process is migrating the database; its log shows the progress. Wait for it to finish."
        ) from error
