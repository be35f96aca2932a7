"""A gateway stops within ten seconds, whatever hangs."""

from __future__ import annotations

import asyncio

import pytest

from tests.relay import relay_to_database
from tests.world import World

pytestmark = pytest.mark.acceptance


async def test_a_gateway_whose_database_hangs_still_stops(world: World) -> None:
    """Both when idle and during a turn."""
    relay = await relay_to_database(world)
    relay.opens()
    gateway = await world.process(TURNGATE_DATABASE_URL=relay.url)
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 60 seconds")
    await socket.hears("turn", status="running")
    relay.freezes()
    assert await gateway.stops() < 10


async def test_a_gateway_that_still_waits_for_its_database_stops(world: World) -> None:
    """The connection is accepted but never answered."""
    relay = await relay_to_database(world)
    relay.opens()
    relay.freezes()
    starting = asyncio.create_task(world.process(TURNGATE_DATABASE_URL=relay.url))
    process = await world.started()
    try:
        assert await process.stops() < 10
    finally:
        starting.cancel()
        await asyncio.wait({starting})
