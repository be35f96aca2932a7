"""A pool of connections of one role, with bounded waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import asyncpg

from storage.connections import CLOSE_TIMEOUT_S, Connection, PatientConnection, PooledConnection, set_codecs
from storage.identity import IdentityCheck
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

    async def close(self) -> None:
        """Closes within two seconds, whatever the database does."""
        closing = asyncio.ensure_future(self._empty_and_close())
        await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S)
        # Frees callers that hang while returning a connection.
        self.connections.terminate()
        await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S / 4)
        if closing.done() and not closing.cancelled():
            closing.exception()

    async def _empty_and_close(self) -> None:
        await self.reserve.emptied()
        await self.connections.close()

    async def _acquire(self) -> PooledConnection:
        # The pool's own timeout would create a task for each wait.
        async with asyncio.timeout(self.timeouts.acquire_s):
            return await self.connections.acquire()


async def open_pool(url: str, check: IdentityCheck, size: int, timeouts: Timeouts) -> Pool:
    """Creates a pool of at most `size` connections."""

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
