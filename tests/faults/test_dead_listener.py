"""A listening connection that no longer receives anything."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import StoreUnavailable
from storage.database import open_database
from storage.replicas.broadcast import PostgresBroadcast
from tests.faults.proxy import Proxy
from tests.world import World

pytestmark = pytest.mark.faults


async def test_a_connection_that_receives_nothing_is_replaced(world: World) -> None:
    """Row 43b: its network hangs silently, so notifications from the pools don't arrive and the gateway opens another connection."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    proxy = Proxy(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}")
    await proxy.starts()
    world.afterwards(proxy.ends)
    proxy.opens()
    database = await open_database(world.database_url)
    world.afterwards(database.close)
    behind = f"postgresql://turngate@127.0.0.1:{proxy.number}{parts.path}"
    broadcast, begun = PostgresBroadcast(database, behind, prove_every_s=0.1, prove_s=2.0), asyncio.Event()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(broadcast.listen(heard.put_nowait, begun.set))
    await begun.wait()
    await broadcast.send("somebody *")
    assert await heard.get() == "somebody *"
    proxy.freezes()
    with pytest.raises(StoreUnavailable, match="no longer receives"):
        await listening
