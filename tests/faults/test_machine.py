"""Faults of the gateway's machine: no room for its log, or a wrong clock."""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.faults.cluster import free_port
from tests.faults.http_clients import all_is_answered, caller
from tests.world import ROOT, Person, Process, World, eventually

pytestmark = pytest.mark.faults

FULL = Path("/dev/full")
CLOCK = ROOT / "tests" / "faults" / "clock"
HOUR_S = 3600


@asynccontextmanager
async def speechless(world: World, output: int) -> AsyncIterator[Process]:
    """A ready gateway whose standard output and error both go to `output`."""
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", "serve"),
        cwd=ROOT,
        env={
            **os.environ,
            "TURNGATE_DATABASE_URL": world.database_url,
            "TURNGATE_DATA_DIR": str(world.folder / "speechless"),
            "TURNGATE_PORT": str(port),
            "TURNGATE_LOG__LEVEL": "debug",
        },
        stdout=output,
        stderr=output,
    )
    http, url = await world.http(), f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        assert child.returncode is None, f"it ended with {child.returncode}"
        try:
            async with http.get(f"{url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await eventually(ready)
        yield Process(child, url, FULL)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def talks(world: World, url: str, user: str = "ann") -> None:
    """Checks that messages are answered."""
    who = await caller(await world.person(user, url))
    for number in range(2, 8):
        assert (await who.sends_until_answered(f"count to {number}", f"m{number}")).endswith(f"{number}.")
    assert await all_is_answered(world)


async def test_a_full_disk_under_the_log_stops_nothing(world: World) -> None:
    """Row 17: no line can be written, yet the gateway starts, serves and stops."""
    output = os.open(FULL, os.O_WRONLY)
    try:
        async with speechless(world, output) as gateway:
            await talks(world, gateway.url)
            assert await gateway.stops() < 10
            assert gateway.process.returncode == 0
    finally:
        os.close(output)


async def test_a_closed_log_pipe_stops_nothing(world: World) -> None:
    """Row 17: the process at the other end of the pipe has ended."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        async with speechless(world, writing) as gateway:
            await talks(world, gateway.url)
            assert await gateway.stops() < 10
            assert gateway.process.returncode == 0
    finally:
        os.close(writing)


async def test_a_full_log_pipe_stops_nothing(world: World) -> None:
    """Row 17: the pipe is open and full; thousands of requests are answered, and the gateway stops in time."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    try:
        async with asyncio.timeout(60), speechless(world, writing) as gateway:
            await talks(world, gateway.url)
            assert not select.select([], [writing], [], 0)[1], "there is room in the pipe"
            http = await world.http()
            for _ in range(20):
                answers = await asyncio.gather(*(http.get(f"{gateway.url}/healthz") for _ in range(100)))
                assert {answer.status for answer in answers} == {200}
            await talks(world, gateway.url, "bob")
            assert await gateway.stops() < 10
            assert gateway.process.returncode == 0
    finally:
        os.close(reading)
        os.close(writing)


async def with_clock(world: World, name: str, shift_s: int) -> Process:
    """A gateway whose wall clock is off by that many seconds."""
    return await world.process(name, PYTHONPATH=str(CLOCK), FAULTS_CLOCK_S=str(shift_s))


async def test_wrong_clocks_steal_nothing_and_leases_still_end(world: World) -> None:
    """Row 38: replicas an hour fast and slow take over the turns of dead replicas only.

    Turns last longer than a lease; only the database's clock decides which replicas are alive.
    """
    fast, slow, right = await asyncio.gather(
        with_clock(world, "fast", HOUR_S), with_clock(world, "slow", -HOUR_S), with_clock(world, "right", 0)
    )
    people = [
        await caller(await world.person(f"user{number}", gateway.url))
        for number, gateway in enumerate((fast, slow, right))
    ]
    await asyncio.gather(*(who.sends_until_answered("wait 3 seconds", "m1") for who in people))
    assert {row["attempt"] for row in await world.rows("SELECT attempt FROM turns")} == {1}
    times = await world.rows("SELECT created_at, last_message_at, updated_at FROM chat_sessions")
    assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=5) for row in times for at in row.values())

    asking = [asyncio.create_task(who.sends("wait 3 seconds", "m2")) for who in (people[0], people[2])]

    async def both_run() -> bool:
        return len(await world.rows("SELECT FROM turns WHERE status = 'running'")) == 2

    await eventually(both_run)
    await asyncio.gather(fast.dies(), right.dies())
    await asyncio.wait(asking)
    for task in asking:
        task.exception()
    await eventually(lambda: all_is_answered(world))
    taken = await world.rows("SELECT attempt, owner FROM turns ORDER BY created_at DESC LIMIT 2")
    assert [row["attempt"] for row in taken] == [2, 2]


@pytest.mark.parametrize("shift_s", [HOUR_S, -HOUR_S])
async def test_a_wrong_clock_moves_neither_expiries_nor_first_fires(shift_s: int, world: World) -> None:
    """A token of five minutes works, and an interval of ten minutes first fires in ten, by the database's clock."""
    gateway = await with_clock(world, "wrong", shift_s)
    ann = await world.person("ann", gateway.url)
    made = await ann.posts("/api/tokens", 201, expires="5m")
    brief = Person("ann", made["token"], ann.url, ann.http)
    assert (await brief.gets("/api/me"))["user_id"] == "ann"
    socket = await brief.connects()
    assert (await socket.asks("hello", "m1"))["role"] == "assistant"
    trigger = {"type": "interval", "seconds": 600}
    await ann.posts("/api/schedules", 201, name="later", agent_name="assistant", prompt="hello", trigger=trigger)
    assert await world.rows("SELECT 1 FROM api_tokens WHERE expires_at BETWEEN now() AND now() + interval '5 minutes'")
    assert await world.rows(
        "SELECT 1 FROM schedules WHERE next_fire_at BETWEEN now() AND now() + interval '10 minutes'"
    )
