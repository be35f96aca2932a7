"""A database server for one test, and a world on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from tests.faults.server import Server, running_server
from tests.world import World


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that may be stopped, restarted and frozen."""
    async with running_server(tmp_path / "server") as running:
        yield running


@pytest_asyncio.fixture
async def place(server: Server, tmp_path: Path) -> AsyncIterator[World]:
    """A world on that server."""
    async with AsyncExitStack() as stack:
        yield World(server.url, tmp_path, stack)
