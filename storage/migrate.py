"""Applies `migrations/` under a lock that is polled: a blocking wait would deadlock with CREATE INDEX CONCURRENTLY."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
from pogo_core.error import BadMigrationError
from pogo_core.util import migrate as pogo
from pogo_core.util import sql as pogo_sql

import storage
from gateway.errors import SettingsError, StoreUnavailable
from storage.database import AWAY, COMMAND_TIMEOUT_S

MIGRATIONS = Path(storage.__file__).resolve().parent.parent / "migrations"
LOCK = 0x7475726E67617465  # "turngate"
LOCK_WAIT_S = 120.0
OLDEST, NEWEST = 15, 18


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(
            url, timeout=10, server_settings={"application_name": "turngate migrate", "timezone": "UTC"}
        )
    except (asyncpg.InvalidCatalogNameError, asyncpg.InvalidAuthorizationSpecificationError, ValueError) as error:
        raise SettingsError(f"The database refuses the connection: {error}. Check TURNGATE_DATABASE_URL.") from error
    except AWAY as error:
        raise StoreUnavailable(f"The database cannot be reached ({type(error).__name__}: {error}).") from error
    try:
        yield connection
    finally:
        with suppress(*AWAY):
            await connection.close(timeout=2)


async def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Brings the schema up to what `folder` holds; safe when several replicas do so at once. Returns what was applied.

    What a newer gateway applied before, and this folder does not hold, stays.

    Raises `StoreUnavailable` when the database is away, `SettingsError` when it cannot be used as it is.
    """
    async with _direct(url) as connection:
        try:
            _check_version(connection)
            await _lock(connection)
            waiting = await _pending(connection, folder)
            if waiting:
                await connection.execute("SET lock_timeout = '10s'")
                await pogo.apply(connection, folder, schema_name="public")
        except BadMigrationError as error:
            if isinstance(error.__cause__, AWAY):
                raise StoreUnavailable(f"The database went away during a migration: {error}.") from error
            raise SettingsError(f"{error}: {error.__cause__}") from error
        except AWAY as error:
            raise StoreUnavailable(f"The database went away during a migration ({type(error).__name__}).") from error
        return waiting


async def pending_migrations(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Names of the migrations that a database lacks, in order; changes nothing. Raises as `migrate` does."""
    async with _direct(url) as connection:
        try:
            return await _pending(connection, folder)
        except AWAY as error:
            raise StoreUnavailable(f"The database does not answer ({type(error).__name__}).") from error


async def _pending(connection: asyncpg.Connection, folder: Path) -> list[str]:
    async with asyncio.timeout(COMMAND_TIMEOUT_S):
        known = await connection.fetchval("SELECT to_regclass('public._pogo_migration') IS NOT NULL")
        applied = await pogo_sql.get_applied_migrations(connection, schema_name="public") if known else set()
    return [name for name in _names(folder) if name not in applied]


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.sql"))


def _check_version(connection: asyncpg.Connection) -> None:
    major = connection.get_server_version().major
    if major < OLDEST:
        raise SettingsError(f"PostgreSQL {major} is too old; Turngate needs {OLDEST} to {NEWEST}.")


async def _lock(connection: asyncpg.Connection) -> None:
    # Held by the session: it goes with the connection, however that ends.
    async with asyncio.timeout(LOCK_WAIT_S):
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(0.1 + random.random() * 0.2)  # noqa: S311 - only to spread the replicas
