"""A replica, and connections beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from storage.database import Database
from tests.integration.turns.plain_turns import Connected, heard, living, said
from tests.integration.turns.stores import Replica


@pytest_asyncio.fixture
async def owner(database_url: str) -> AsyncIterator[Connected]:
    """The database's owner, who sees all rows."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def watcher(database_url: str) -> AsyncIterator[Connected]:
    """A connection outside any transaction: inside one, it would see others' statistics as they were at its first query."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def replica(database: Database) -> Replica:
    """A replica with a session for everybody, so that their next messages are plain."""
    alive = await living(database, "one")
    await heard(alive, await said(alive, "k0"))
    return alive
