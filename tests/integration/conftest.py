"""The stores' side of a test's database, and what a test puts before a gateway's stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.detours import Detours


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Pools on the test's database."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def detours() -> Detours:
    """Where a test diverts calls of a gateway that is started with its seams."""
    return Detours()
