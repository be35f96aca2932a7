"""Connections that pass from one statement to the next without returning to their pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from storage.database import Database
from tests.world import eventually

PID = "SELECT pg_backend_pid()"
WAITING = """
SELECT 1 FROM pg_locks JOIN pg_database ON oid = database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
Connected: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest_asyncio.fixture
async def owner(database_url: str) -> AsyncIterator[Connected]:
    """The database's owner."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def process_of(database: Database) -> int:
    """The server process that runs the next statement."""
    ((pid,),) = await database.fetch(PID)
    return int(pid)


async def is_over(owner: Connected, pid: int) -> bool:
    """Whether that process has ended."""
    return await owner.fetchval("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid) is None


async def waits(owner: Connected) -> bool:
    """Whether a statement waits for a lock."""
    return await owner.fetchval(WAITING) is not None


async def test_statements_share_a_connection(database: Database) -> None:
    """The pool counts it as idle between them."""
    assert await process_of(database) == await process_of(database)
    assert database.usage()[0] == ("app", 1, 1)


async def test_a_connection_closed_by_the_server_is_not_reused(database: Database, owner: Connected) -> None:
    """The next statement gets another, and its caller notices nothing."""
    ended = await process_of(database)
    await owner.execute("SELECT pg_terminate_backend($1)", ended)

    async def noticed() -> bool:
        return await is_over(owner, ended) and database.app.reserve.take() is None

    await eventually(noticed)
    assert await process_of(database) != ended


async def test_expired_connections_are_replaced(database: Database, owner: Connected) -> None:
    """An idle one and one in use: after a failover they lead to the wrong server."""
    async with owner.transaction():
        await owner.execute("SELECT pg_advisory_xact_lock(1)")
        asking = asyncio.create_task(database.fetch("SELECT pg_backend_pid(), pg_advisory_xact_lock(1)"))
        await eventually(lambda: waits(owner))
        used = [await process_of(database)]
        await database.expire()
    ((pid, _),) = await asking
    used.append(int(pid))
    assert await process_of(database) not in used
    for each in used:
        await eventually(partial(is_over, owner, each))


async def test_unused_connections_return_to_the_pool(database: Database) -> None:
    """The pool closes them when they stay idle."""
    database.app.reserve.idle_s = 0
    await process_of(database)

    async def empty() -> bool:
        return not len(database.app.reserve)

    await eventually(empty)
    assert database.usage()[0] == ("app", 1, 1)


async def test_a_failed_statement_returns_its_connection(database: Database) -> None:
    """The pool resets it."""
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.fetch("SELECT 1 / 0")
    assert len(database.app.reserve) == 0
    await process_of(database)
    assert len(database.app.reserve) == 1
