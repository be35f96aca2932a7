"""One address for a primary and its streaming standby: wherever it leads, the gateway finds the server that it can write to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.faults.http_clients import all_is_answered, caller
from tests.faults.proxy import Proxy, open_proxy
from tests.faults.server import Server, Standby, running_standby
from tests.world import Person, World, eventually

pytestmark = pytest.mark.faults


@pytest_asyncio.fixture
async def standby(server: Server, tmp_path: Path) -> AsyncIterator[Standby]:
    """A streaming standby of the server."""
    async with running_standby(tmp_path / "standby", server) as running:
        yield running


@pytest_asyncio.fixture
async def address(server: Server) -> AsyncIterator[Proxy]:
    """The one address that clients know; at first, it leads to the server."""
    async with open_proxy(("127.0.0.1", server.port)) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def behind(address: Proxy, tmp_path: Path) -> AsyncIterator[World]:
    """A world that knows only the address."""
    async with AsyncExitStack() as stack:
        yield World(f"postgresql://turngate@127.0.0.1:{address.number}/turngate", tmp_path, stack)


async def database_check(person: Person) -> tuple[bool, str]:
    """The database's check in `/readyz`."""
    _, body = await person.calls("GET", "/readyz")
    check = next(check for check in body["checks"] if check["name"] == "database")
    return check["ok"], check["detail"]


async def test_connections_that_landed_on_a_standby_are_not_kept(
    server: Server, standby: Standby, address: Proxy, behind: World
) -> None:
    """The address leads to the standby and back: `/readyz` says why meanwhile, and messages are answered afterwards."""
    gateway = await behind.gateway()
    person = await behind.person("ann", gateway.url)
    ann = await caller(person)
    await ann.sends_until_answered("count to 2", "m1")
    await eventually(standby.has_all)
    address.leads_to(("127.0.0.1", standby.port))
    address.cuts_all()
    assert (await ann.sends("count to 3", "m2")).status == 503

    async def is_told() -> bool:
        ok, detail = await database_check(person)
        return not ok and "standby" in detail

    await eventually(is_told)
    address.leads_to(("127.0.0.1", server.port))
    assert (await ann.sends_until_answered("count to 3", "m2")).endswith("3.")
    await eventually(lambda: all_is_answered(behind))


async def test_a_promoted_standby_is_written_to(
    server: Server, standby: Standby, address: Proxy, behind: World
) -> None:
    """The primary dies, the address leads to the standby before its promotion, and turns continue there."""
    gateway = await behind.gateway()
    ann = await caller(await behind.person("ann", gateway.url))
    await ann.sends_until_answered("count to 2", "m1")
    await eventually(standby.has_all)
    await server.stop("immediate")
    address.leads_to(("127.0.0.1", standby.port))
    address.cuts_all()
    assert (await ann.sends("count to 3", "m2")).status == 503
    await standby.promote()
    assert (await ann.sends_until_answered("count to 3", "m2")).endswith("3.")
    await eventually(lambda: all_is_answered(behind))


async def test_a_server_that_becomes_read_only_is_noticed(server: Server, place: World) -> None:
    """Existing connections become read-only: `/readyz` says so, and the gateway recovers when writes are possible again."""
    gateway = await place.gateway()
    person = await place.person("ann", gateway.url)
    ann = await caller(person)
    await ann.sends_until_answered("count to 2", "m1")
    admin = await asyncpg.connect(server.url)
    try:
        await admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await admin.execute("SELECT pg_reload_conf()")

        async def is_told() -> bool:
            ok, detail = await database_check(person)
            return not ok and "read only" in detail

        await eventually(is_told)
        assert (await ann.sends("count to 3", "m2")).status == 503
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await admin.execute("SELECT pg_reload_conf()")
    finally:
        await admin.close()
    assert (await ann.sends_until_answered("count to 3", "m2")).endswith("3.")
