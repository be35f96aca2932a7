"""One embedded Postgres for the whole run, with a migrated template, and a clone of the template for each test."""

from __future__ import annotations

import gc
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

import storage.migrating.migrate
from bench import counts
from gateway.app.running.serve import Running
from storage.embedded import embedded_postgres
from tests.pace import remark, slowness
from tests.world import Person, World

NAMES = itertools.count(1)
UNHURRIED = {"ttl_s": 60.0}
"""For a gateway on a module's loop, which stands still while a test runs on a loop of its own."""
own_gateway = pytest.mark.asyncio(loop_scope="function")
"""For a test with a gateway of its own, in a module whose other tests share one."""
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off", **counts.SERVER}
"""Nothing here outlives the run, so nothing needs to reach the disk, and what autovacuum writes would be counted with what a turn does."""


def pytest_configure() -> None:
    """Keeps bytecode whatever the shell says: hundreds of processes start here, and each would compile the gateway anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Exempts the collected tests from garbage collection, because they stay until the end."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> list[str]:
    """Names a slow machine before the tests run."""
    slow = remark(slowness())
    return [] if slow is None else [slow]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Names it again after failures, if it is slow by then."""
    if exitstatus and (slow := remark(slowness())) is not None:
        terminalreporter.write_line(slow)


def on_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """Hides the shell's settings from the tests."""
    kept = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith("TURNGATE_")}
    yield
    os.environ.update(kept)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a running server."""
    async with embedded_postgres(tmp_path_factory.mktemp("postgres"), FAST) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(postgres: str) -> str:
    """The name of a migrated database without connections."""
    await _execute(postgres, "CREATE DATABASE template_turngate")
    await storage.migrating.migrate.migrate(on_database(postgres, "template_turngate"))
    return "template_turngate"


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def empty_database_url(postgres: str) -> AsyncIterator[str]:
    """A new database without any table."""
    name = f"empty_{next(NAMES)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    yield on_database(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _cloned(postgres: str, template: str) -> AsyncIterator[str]:
    name = f"test_{next(NAMES)}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield on_database(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A new, migrated database for the test."""
    async with _cloned(postgres, template) as url:
        yield url


@pytest_asyncio.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Gateways on one database, and the people who use them."""
    async with AsyncExitStack() as stack:
        yield World(database_url, tmp_path, stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world shared by all tests of a module that runs on its module's loop."""
    async with _cloned(postgres, template) as url, AsyncExitStack() as stack:
        yield World(url, tmp_path_factory.mktemp("shared"), stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(shared_world: World) -> Running:
    """A gateway with the demo agent, for tests that need only users of their own."""
    return await shared_world.gateway(replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def newcomer(shared_world: World, shared_gateway: Running) -> Person:
    """A new user of the shared gateway."""
    return await shared_world.newcomer(shared_gateway.url)
