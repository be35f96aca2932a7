"""A failover to a standby that had not received the last commits: they are lost, and nothing else is."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.http_clients import Caller, all_is_answered, caller
from tests.faults.server import Server
from tests.world import World, eventually

pytestmark = pytest.mark.faults


@asynccontextmanager
async def lost(server: Server) -> AsyncIterator[None]:
    """Discards everything committed inside: the server continues from an earlier copy, as a lagging standby does."""
    copy = server.cluster.with_name("standby")
    await server.stop("fast")
    _copy(server.cluster, copy)
    await server.start()
    yield
    await server.stop("immediate")
    shutil.rmtree(server.cluster)
    copy.rename(server.cluster)
    await server.start()


def _copy(cluster: Path, copy: Path) -> None:
    # With owner and mode, which the server requires.
    subprocess.run(["cp", "-a", str(cluster), str(copy)], check=True)


async def test_clients_that_saw_lost_rows_continue(server: Server, place: World) -> None:
    """Row 19: `after` beyond the last row shows what follows, a lost session is not found, and no replica crashes."""
    first, second = await place.gateway(data_dir="one"), await place.gateway(data_dir="two")
    ann = await place.person("ann", first.url)
    kept = await caller(ann)
    await kept.sends_until_answered("count to 2", "m1")
    async with lost(server):
        await kept.sends_until_answered("count to 3", "m2")
        gone = await caller(ann)
        await gone.sends_until_answered("hello", "n1")
    assert await back(kept)
    for gateway, key in ((first, "m3"), (second, "m4")):
        ann.url = gateway.url
        socket = await ann.connects(session_id=kept.session_id, after=4)
        reply = await socket.asks("count to 4", key)
        assert reply["content"].endswith("4.")
    answer = await gone.sends("still there?", "n2")
    assert answer.status == 404
    assert await all_is_answered(place)
    assert not any(gateway.ended.is_set() for gateway in (first, second))


async def back(who: Caller) -> bool:
    """Whether the gateway serves again."""

    async def serves() -> bool:
        return bool((await who.person.calls("GET", "/readyz"))[0] == 200)

    return bool(await eventually(serves))


async def test_a_turn_whose_rows_are_lost_is_dropped(server: Server, place: World) -> None:
    """Row 19: the turn of the result is gone, so the replica drops it and keeps serving."""
    gateway = await place.gateway()
    ann = await caller(await place.person("ann", gateway.url))
    await ann.sends_until_answered("hello", "m1")
    async with lost(server):
        assert await back(ann)
        asking = asyncio.create_task(ann.sends("wait 3 seconds", "m2", wait_s=1))

        async def runs() -> bool:
            return bool(gateway.gateway.engine.runner.running)

        await eventually(runs)
    await asyncio.wait({asking})
    asking.exception()

    async def let_go() -> bool:
        return not gateway.gateway.engine.runner.running

    await eventually(let_go)
    assert await back(ann)
    await ann.sends_until_answered("hello again", "m3")
    assert len(await place.rows("SELECT FROM chat_messages")) == 4
    assert await all_is_answered(place)
    assert not gateway.ended.is_set()
