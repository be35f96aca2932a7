"""A single connection: how it speaks jsonb, how it says goodbye, and which errors mean that the database is away."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias

import asyncpg
import orjson

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
PooledConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

CLOSE_TIMEOUT_S = 2.0

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

    def stop_preparing(self) -> None:
        """Statements get no names from now on: the next transaction may run in a server process that never heard of them.

        Each then takes two round trips (asyncpg's FAQ, "Why am I getting prepared statement errors?").
        """
        self._stmt_cache_enabled = False
        self._stmt_cache.set_max_size(0)  # type: ignore[attr-defined]  # asyncpg has no public way to do so later than at the start


async def set_codecs(connection: Connection) -> None:
    """Reads and writes jsonb as Python values; binary, so that it works inside composite values too."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )
