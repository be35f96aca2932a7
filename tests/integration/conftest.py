"""The stores' side of a test's database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from storage.database import Database, open_database


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Pools on the test's database."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()
