"""Single connections: their jsonb codecs, how they close, and which errors mean that the database is unavailable."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias

import asyncpg
import orjson

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PooledConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

CLOSE_TIMEOUT_S = 2.0

# Errors that mean "not now" rather than "no": the same call may succeed in a moment.
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
    """Closes within two seconds, or is terminated: the pool closes expired connections in tasks that nobody awaits."""

    async def close(self, *, timeout: float | None = None) -> None:
        with suppress(*AWAY):
            await super().close(timeout=CLOSE_TIMEOUT_S if timeout is None else timeout)

    def stop_preparing(self) -> None:
        """Disables named statements from now on: the next transaction may run in a server process that does not know them.

        Each statement then takes two round trips (asyncpg's FAQ, "Why am I getting prepared statement errors?").
        """
        self._stmt_cache_enabled = False
        self._stmt_cache.set_max_size(0)  # type: ignore[attr-defined]  # asyncpg has no public way to change this after connecting


async def set_codecs(connection: Connection) -> None:
    """Reads and writes jsonb as Python values; binary, so that it works inside composite values too."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )
