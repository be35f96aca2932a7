"""Three pools: for one user's rows, for requests across users, and for the gateway's own work, which must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import cast

import asyncpg

from gateway.core.model import UserId
from gateway.errors import Conflict, DatabaseMisconfigured, GatewayError, StoreUnavailable
from storage.connections import AWAY, CLOSE_TIMEOUT_S, Connection, PatientConnection, PooledConnection, set_codecs
from storage.identity import APP_ROLE, READ_ONLY, SYSTEM_ROLE, IdentityCheck, Logins
from storage.reserve import MOST, RELEASE_TIMEOUT_S, Reserve

ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 20.0
OWN_WORK_TIMEOUT_S = 10.0
# A replica behind a broken network must not keep its locks: the server gives up on the connection by itself.
GIVEN_UP = {
    "statement_timeout": f"{COMMAND_TIMEOUT_S + 5:.0f}s",
    "idle_in_transaction_session_timeout": f"{COMMAND_TIMEOUT_S + 5:.0f}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# Every statement here has one good plan, whatever its values.
SESSION_SETTINGS = {"plan_cache_mode": "force_generic_plan", **GIVEN_UP}
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


@asynccontextmanager
async def in_transaction(connection: PooledConnection) -> AsyncIterator[None]:
    """Commits, or rolls back; a connection that hangs in a statement would hang in ROLLBACK too, and is dropped."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except (TimeoutError, asyncio.CancelledError):
        connection.terminate()
        raise
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a caller waits for a connection, and then for each statement."""

    acquire_s: float = ACQUIRE_TIMEOUT_S
    command_s: float = COMMAND_TIMEOUT_S


USUAL = Timeouts()


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections of one role, each checked when it was opened. Nothing connects before the first query."""

    check: IdentityCheck
    connections: asyncpg.Pool
    reserve: Reserve
    timeouts: Timeouts

    @asynccontextmanager
    async def held(self) -> AsyncIterator[PooledConnection]:
        """Provides a connection, after a bounded wait.

        `timeouts` limit the wait for the connection and for each statement, `RELEASE_TIMEOUT_S` the wait for returning it.
        """
        connection = await self._acquire()
        try:
            yield connection
        except TimeoutError:
            # If one connection is dead, others from that time probably are, too.
            await self.expire()
            raise
        finally:
            await self.connections.release(connection, timeout=RELEASE_TIMEOUT_S)

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Returns the rows of one statement that commits by itself, on a connection from the reserve, within the same limits."""
        connection, generation, is_sound = self.reserve.take(), self.reserve.generation, False
        if connection is None:
            connection = await self._acquire()
        try:
            rows = await connection.fetch(query, *values)
            is_sound = True
        except TimeoutError:
            await self.expire()
            raise
        finally:
            if not (is_sound and self.reserve.put(connection, generation)):
                await self.connections.release(connection, timeout=RELEASE_TIMEOUT_S)
        return rows

    async def expire(self) -> None:
        """Replaces every connection before it is used again."""
        await self.connections.expire_connections()
        self.reserve.empty()

    async def _acquire(self) -> PooledConnection:
        # The pool's own timeout would create a task for each wait.
        async with asyncio.timeout(self.timeouts.acquire_s):
            return await self.connections.acquire()


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
        await asyncio.gather(*(_close(pool) for pool in self._pools()))

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


async def _close(pool: Pool) -> None:
    closing = asyncio.ensure_future(_empty_and_close(pool))
    await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S)
    # Frees callers that hang while returning a connection.
    pool.connections.terminate()
    await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S / 4)
    if closing.done() and not closing.cancelled():
        closing.exception()


async def _empty_and_close(pool: Pool) -> None:
    await pool.reserve.emptied()
    await pool.connections.close()


async def open_database(url: str, size: int = 16) -> Database:
    """Opens the pools for a single login, which takes each role; see `open_pools`."""
    return await open_pools(Logins.shared(url), size)


async def open_pools(logins: Logins, size: int = 16, timeouts: Timeouts = USUAL) -> Database:
    """Creates the pools, of at most `size`, 4 and 4 connections; does not connect yet."""

    def check(role: str) -> IdentityCheck:
        return IdentityCheck(role, logins.own)

    return Database(
        app=await _pool(logins.app, check(APP_ROLE), size, timeouts),
        across=await _pool(logins.system, check(SYSTEM_ROLE), 4, timeouts),
        # Its statements are short, and repeated anyway.
        housekeeping=await _pool(logins.system, check(SYSTEM_ROLE), 4, replace(timeouts, command_s=OWN_WORK_TIMEOUT_S)),
    )


async def _pool(url: str, check: IdentityCheck, size: int, timeouts: Timeouts) -> Pool:
    async def begin(connection: Connection) -> None:
        await check.admit(cast("PatientConnection", connection))
        await set_codecs(connection)

    pool: asyncpg.Pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connection_class=PatientConnection,
        init=begin,
        # Settings apply per transaction only, so there is nothing to reset, and no round trip to spend on it.
        reset=_keep,
        command_timeout=timeouts.command_s,
        timeout=timeouts.acquire_s,
        server_settings={
            **({} if check.own_login else {"role": check.role}),
            "application_name": "turngate",
            "timezone": "UTC",
            **SESSION_SETTINGS,
        },
    )
    return Pool(check, pool, Reserve(pool, min(MOST, size // 2)), timeouts)


async def _keep(_connection: Connection) -> None:
    return None


async def fetch_one(connection: PooledConnection, query: str, *values: object) -> asyncpg.Record:
    """Returns the only row of a statement that always has one."""
    row = await connection.fetchrow(query, *values)
    if row is None:
        raise StoreUnavailable(
            "A statement that always returns one row returned none: its connection may have lost its role."
        )
    return row
