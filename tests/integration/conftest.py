"""The stores' side of a test's database, and what a test puts before a gateway's stores."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database, open_database
from tests.detours import Detours
from tests.packages import Site


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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Where packages can be installed; it comes first in `sys.path`."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    yield Site(folder)
    sys.path.remove(str(folder))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
