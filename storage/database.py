"""Three pools: for one user's rows, for requests across users, and for the gateway's own work, which must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg

from gateway.core.model import UserId
from gateway.errors import Conflict, DatabaseMisconfigured, GatewayError, StoreUnavailable
from storage.connections import AWAY, PooledConnection
from storage.identity import APP_ROLE, READ_ONLY, SYSTEM_ROLE, IdentityCheck, Logins
from storage.pools import OWN_WORK_TIMEOUT_S, SESSION_SETTINGS, USUAL, Pool, Timeouts, in_transaction, open_pool

BEING_ERASED = "This user is being erased, so nothing was saved. Try again a minute after the erasure has finished."
# List queries filter by different columns, so each gets a custom plan. The role is checked in each transaction: behind a
# pooler, it may run in another server process than the previous one.
BEGIN_AS = "SELECT current_user::text, set_config('turngate.user_id', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)"

FAULTS = (
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.RestrictViolationError,
    asyncpg.ProtocolViolationError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidParameterValueError,
    *AWAY,
)
"""How these errors are reported to callers. Some are subclasses of others, so `_translated` uses the first match."""


@dataclass(frozen=True, slots=True)
class Database:
    """The pools, with the roles that row-level security applies to."""

    app: Pool
    across: Pool
    housekeeping: Pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PooledConnection]:
        """As the application: sees no rows until a statement names its user. Raises `StoreUnavailable`."""
        async with self._held(self.app) as connection:
            yield connection

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """As the application: returns the rows of one statement that commits by itself. Raises `StoreUnavailable`."""
        # No context manager here: each is a generator that the event loop has to keep track of.
        try:
            return await self.app.fetch(query, *values)
        except FAULTS as error:
            raise await self._translated(self.app, error) from error

    @asynccontextmanager
    async def all_users(self) -> AsyncIterator[PooledConnection]:
        """As the gateway, for a user's request: sees every user's rows. Raises `StoreUnavailable`."""
        async with self._held(self.across) as connection:
            yield connection

    @asynccontextmanager
    async def own_work(self) -> AsyncIterator[PooledConnection]:
        """As the gateway, for its heartbeat, sweep and marks: requests cannot exhaust these connections. Raises `StoreUnavailable`."""
        async with self._held(self.housekeeping) as connection:
            yield connection

    @asynccontextmanager
    async def as_user(self, user_id: UserId | None) -> AsyncIterator[PooledConnection]:
        """One transaction that sees that user's rows; None, an operator, sees all. Raises `StoreUnavailable`."""
        pool = self.across if user_id is None else self.app
        async with self._held(pool) as connection, in_transaction(connection):
            role = await connection.fetchval(BEGIN_AS, user_id or "")
            if role != pool.check.role:
                raise DatabaseMisconfigured(f"A connection of {pool.check.role!r} now works as {role!r}.")
            yield connection

    async def prove(self) -> None:
        """Connects in every role. Raises `DatabaseMisconfigured` if only another configuration helps, otherwise `StoreUnavailable`."""
        for pool in self._pools():
            async with self._held(pool):
                pass

    async def check(self) -> None:
        """Checks that the database accepts writes, with the right roles. Raises `StoreUnavailable`."""
        async with self.all_users() as connection:
            if await connection.fetchval("SELECT current_setting('transaction_read_only')::boolean"):
                raise asyncpg.ReadOnlySQLTransactionError(READ_ONLY)
        for pool in self._pools():
            if pool.check.refused is not None:
                async with self._held(pool):
                    pass

    async def expire(self) -> None:
        """Replaces every connection before it is used again."""
        for pool in self._pools():
            await pool.expire()

    async def close(self) -> None:
        """Closes within two seconds, whatever the database does."""
        await asyncio.gather(*(pool.close() for pool in self._pools()))

    def usage(self) -> tuple[tuple[str, int, int], ...]:
        """Name, connections and idle connections of each pool."""
        named = {"app": self.app, "across": self.across, "housekeeping": self.housekeeping}
        return tuple(
            (name, pool.connections.get_size(), pool.connections.get_idle_size() + len(pool.reserve))
            for name, pool in named.items()
        )

    def _pools(self) -> tuple[Pool, ...]:
        return (self.app, self.across, self.housekeeping)

    @asynccontextmanager
    async def _held(self, pool: Pool) -> AsyncIterator[PooledConnection]:
        """Provides a connection of the pool; errors that mean the database is unavailable become `StoreUnavailable`."""
        try:
            async with pool.held() as connection:
                yield connection
        except FAULTS as error:
            raise await self._translated(pool, error) from error

    async def _translated(self, pool: Pool, error: Exception) -> GatewayError:
        """Translates one of `FAULTS`."""
        match error:
            case asyncpg.OutdatedSchemaCacheError() | asyncpg.InvalidCachedStatementError():
                # A newer replica has migrated: what this one has cached of the schema is out of date.
                await pool.expire()
                return StoreUnavailable("The schema has just changed; try again in a moment.")
            case asyncpg.ReadOnlySQLTransactionError():
                # The address may lead to another server by now, while open connections stay with the old one.
                await self.expire()
                return StoreUnavailable(READ_ONLY)
            case asyncpg.RestrictViolationError():
                # Only `not_being_erased` (`migrations/0017`) raises this.
                return Conflict(BEING_ERASED)
            case asyncpg.ProtocolViolationError():
                return _refused(error)
            case (
                asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.InvalidParameterValueError()
            ):
                return StoreUnavailable(f"The database is not ready: {error}. Run `turngate migrate`.")
            case _:
                return StoreUnavailable(f"The database cannot be reached ({type(error).__name__}).")


def _refused(error: asyncpg.ProtocolViolationError) -> StoreUnavailable:
    """Says what to do when a pooler rejects the settings that each connection starts with."""
    if "startup parameter" not in str(error):
        return StoreUnavailable(f"The database cannot be reached ({type(error).__name__}).")
    return DatabaseMisconfigured(
        f"A connection pooler refuses a connection ({error}). In PgBouncer, set ignore_startup_parameters = "
        f"{', '.join(SESSION_SETTINGS)} (docs/operations.md, Connection poolers)."
    )


async def open_database(url: str, size: int = 16) -> Database:
    """Opens the pools for a single login, which takes each role; see `open_pools`."""
    return await open_pools(Logins.shared(url), size)


async def open_pools(logins: Logins, size: int = 16, timeouts: Timeouts = USUAL) -> Database:
    """Creates the pools, of at most `size`, 4 and 4 connections; does not connect yet."""

    def check(role: str) -> IdentityCheck:
        return IdentityCheck(role, logins.own)

    return Database(
        app=await open_pool(logins.app, check(APP_ROLE), size, timeouts),
        across=await open_pool(logins.system, check(SYSTEM_ROLE), 4, timeouts),
        # Its statements are short, and repeated anyway.
        housekeeping=await open_pool(
            logins.system, check(SYSTEM_ROLE), 4, replace(timeouts, command_s=OWN_WORK_TIMEOUT_S)
        ),
    )


async def fetch_one(connection: PooledConnection, query: str, *values: object) -> asyncpg.Record:
    """Returns the only row of a statement that always has one."""
    row = await connection.fetchrow(query, *values)
    if row is None:
        raise StoreUnavailable(
            "A statement that always returns one row returned none: its connection may have lost its role."
        )
    return row
