"""Kills a gateway while a reply is being recorded."""

from __future__ import annotations

import asyncio
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest

from tests.faults.http_clients import all_is_answered, caller
from tests.faults.proxy import Link, Proxy
from tests.world import World, eventually

pytestmark = pytest.mark.faults

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%finish_turn%'"


class Telltale(Proxy):
    """A proxy that falls silent once `marker` has passed to the server."""

    marker = b""

    def _asked(self, link: Link, data: bytes) -> bool:
        if self.marker and self.marker in data:
            self.freezes()
        return super()._asked(link, data)


@pytest.mark.parametrize("then", ["released", "taken over"])
async def test_killed_while_a_reply_is_being_recorded(world: World, then: Literal["released", "taken over"]) -> None:
    """Row 6: the gateway dies while T2 waits in the database, where it still completes; there is one reply."""
    dying, healthy = await world.process("dying"), await world.gateway()
    who = await caller(await world.person("ann", dying.url))
    asking = asyncio.create_task(who.sends("wait 2 seconds", "m1"))
    await eventually(lambda: world.rows("SELECT FROM turns WHERE status = 'running'"))
    session = await asyncpg.connect(world.database_url)
    async with session.transaction():
        await session.execute("SELECT FROM chat_sessions FOR UPDATE")
        await eventually(lambda: world.rows(WAITING))
        await dying.dies()
        if then == "taken over":
            await eventually(lambda: world.rows("SELECT FROM turns WHERE epoch = 2"))
    await session.close()
    with pytest.raises(aiohttp.ClientError):
        await asking
    await eventually(lambda: all_is_answered(world))
    [turn] = await world.rows("SELECT attempt, epoch FROM turns")
    assert (turn["attempt"], turn["epoch"]) == ((2, 2) if then == "taken over" else (1, 1))
    who.person.url = healthy.url
    assert await who.sends_until_answered("wait 2 seconds", "m1")


async def test_killed_before_it_learns_that_a_reply_is_recorded(world: World) -> None:
    """Row 6: the gateway dies after T2 is committed and before it gets the result; there is one reply, from one attempt."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    proxy = Telltale(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}")
    await proxy.starts()
    proxy.opens()
    world.afterwards(proxy.ends)
    behind = f"postgresql://turngate@127.0.0.1:{proxy.number}{parts.path}"
    dying, healthy = await world.process("dying", TURNGATE_DATABASE_URL=behind), await world.gateway()
    who = await caller(await world.person("ann", dying.url))
    proxy.marker = b"10, 11, 12."
    asking = asyncio.create_task(who.sends("count to 12", "m1"))
    await eventually(lambda: world.rows("SELECT FROM turns WHERE status = 'completed'"))
    await dying.dies()
    proxy.heals()
    with pytest.raises(aiohttp.ClientError):
        await asking
    who.person.url = healthy.url
    assert (await who.sends_until_answered("count to 12", "m1")).endswith("10, 11, 12.")
    assert await all_is_answered(world)
    assert await world.rows("SELECT attempt, epoch FROM turns") == [{"attempt": 1, "epoch": 1}]
