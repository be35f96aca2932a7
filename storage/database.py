"""Three pools: for a single user's rows, for requests across users, and for the gateway's own work, which must not wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import orjson

from gateway.core.model import UserId
from gateway.errors import Conflict, StoreUnavailable

APP_ROLE = "turngate_app"
SYSTEM_ROLE = "turngate_system"
ACQUIRE_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 20.0
OWN_WORK_TIMEOUT_S = 10.0
RELEASE_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 2.0
# A replica behind a broken network must not keep what it has locked: the server gives it up by itself.
GIVEN_UP = {
    "statement_timeout": f"{COMMAND_TIMEOUT_S + 5:.0f}s",
    "idle_in_transaction_session_timeout": f"{COMMAND_TIMEOUT_S + 5:.0f}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
BEING_ERASED = "This user is being erased, so nothing was kept. From a minute after that is done it can be tried again."
# Lists narrow by what was asked for, so each has a plan of its own.
BEGIN_AS = "SELECT set_config('turngate.user_id', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PooledConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

# What says "not now" instead of "not so": the same call may work in a moment.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectInUseError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalServerError,
    asyncpg.PostgresIOError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # a connection that broke in the middle of a message
)


class PatientConnection(asyncpg.Connection):
    """Says goodbye within two seconds, or is cut: the pool closes what has expired in tasks that nobody awaits."""

    async def close(self, *, timeout: float | None = None) -> None:
        with suppress(*AWAY):
            await super().close(timeout=CLOSE_TIMEOUT_S if timeout is None else timeout)


@asynccontextmanager
async def _held(pool: asyncpg.Pool) -> AsyncIterator[PooledConnection]:
    """A connection of the pool; whatever says that the database is away becomes `StoreUnavailable`.

    Waiting is bounded: `ACQUIRE_TIMEOUT_S` for the connection, `COMMAND_TIMEOUT_S` for each statement, and
    `RELEASE_TIMEOUT_S` for giving the connection back.
    """
    try:
        # The pool's own timeout would make a task of each wait.
        async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
            connection = await pool.acquire()
        try:
            yield connection
        except TimeoutError:
            # Where one connection leads nowhere, the others of that time hardly lead further.
            await pool.expire_connections()
            raise
        finally:
            await pool.release(connection, timeout=RELEASE_TIMEOUT_S)
    except (asyncpg.OutdatedSchemaCacheError, asyncpg.InvalidCachedStatementError) as error:
        # A newer replica has migrated: what this one remembers of the schema is old.
        await pool.expire_connections()
        raise StoreUnavailable("The schema has just changed; the same call works in a moment.") from error
    except asyncpg.RestrictViolationError as error:
        # `refuse_while_erased` (`migrations/0030`, `0031`) says so, and nothing else.
        raise Conflict(BEING_ERASED) from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.InvalidParameterValueError) as error:
        raise StoreUnavailable(f"The database is not ready: {error}. Run `turngate migrate`.") from error
    except AWAY as error:
        raise StoreUnavailable(f"The database cannot be reached now ({type(error).__name__}).") from error


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
class Database:
    """The pools, as roles that row-level security knows. Nothing connects before the first query."""

    app: asyncpg.Pool
    across: asyncpg.Pool
    housekeeping: asyncpg.Pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PooledConnection]:
        """As the application: sees no rows until a statement names its user. Raises `StoreUnavailable`."""
        async with _held(self.app) as connection:
            yield connection

    @asynccontextmanager
    async def all_users(self) -> AsyncIterator[PooledConnection]:
        """As the gateway, for somebody's request: every user's rows. Raises `StoreUnavailable`."""
        async with _held(self.across) as connection:
            yield connection

    @asynccontextmanager
    async def own_work(self) -> AsyncIterator[PooledConnection]:
        """As the gateway, for its heartbeat, sweep and marks: requests cannot use these up. Raises `StoreUnavailable`."""
        async with _held(self.housekeeping) as connection:
            yield connection

    @asynccontextmanager
    async def as_user(self, user_id: UserId | None) -> AsyncIterator[PooledConnection]:
        """One transaction that sees that user's rows; None, an operator, sees all. Raises `StoreUnavailable`."""
        holding = self.all_users() if user_id is None else self.connection()
        async with holding as connection, in_transaction(connection):
            await connection.execute(BEGIN_AS, user_id or "")
            yield connection

    async def close(self) -> None:
        """Closes within two seconds, whatever the database does."""
        await asyncio.gather(*map(_close, (self.app, self.across, self.housekeeping)))


async def _close(pool: asyncpg.Pool) -> None:
    closing = asyncio.ensure_future(pool.close())
    await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S)
    # Frees whoever hangs in giving a connection back.
    pool.terminate()
    await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S / 4)
    if closing.done() and not closing.cancelled():
        closing.exception()


async def open_database(url: str, size: int = 16) -> Database:
    """Makes the pools of at most `size`, 4 and 4 connections; connects to nothing yet."""
    return Database(
        app=await _pool(url, APP_ROLE, size, COMMAND_TIMEOUT_S),
        across=await _pool(url, SYSTEM_ROLE, 4, COMMAND_TIMEOUT_S),
        # Its statements are short, and repeated anyway.
        housekeeping=await _pool(url, SYSTEM_ROLE, 4, OWN_WORK_TIMEOUT_S),
    )


async def _pool(url: str, role: str, size: int, command_timeout_s: float) -> asyncpg.Pool:
    pool: asyncpg.Pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connection_class=PatientConnection,
        init=set_codecs,
        # Settings are made per transaction only, so there is nothing to reset, and no round trip to spend on it.
        reset=_keep,
        command_timeout=command_timeout_s,
        timeout=ACQUIRE_TIMEOUT_S,
        server_settings={
            "role": role,
            "application_name": "turngate",
            "timezone": "UTC",
            # Every statement here has one good plan, whatever its values.
            "plan_cache_mode": "force_generic_plan",
            **GIVEN_UP,
        },
    )
    return pool


async def _keep(_connection: Connection) -> None:
    return None


async def fetch_one(connection: PooledConnection, query: str, *values: object) -> asyncpg.Record:
    """The one row of a statement that always has one."""
    row = await connection.fetchrow(query, *values)
    if row is None:
        raise StoreUnavailable("A statement that always answers one row answered none.")
    return row


async def set_codecs(connection: Connection) -> None:
    """Reads and writes jsonb as Python values; binary, so that it works inside composite values too."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )
