"""The scheduler's loop, in a gateway on real Postgres."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from gateway.core.ports.schedules import ScheduleId
from tests.detours import Call, Detours
from tests.world import World, eventually

RUNS = "SELECT user_id FROM chat_sessions WHERE channel = 'scheduled'"
FAR = {"name": "Far", "prompt": "hi", "trigger": {"type": "once", "at": "2099-01-31T08:00:00Z"}}


async def test_fires_although_the_loop_was_blocked(world: World) -> None:
    """Row 41: a process that was blocked for 5 s around the fire time still fires, once."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await ann.schedules_soon()
    time.sleep(5)  # noqa: ASYNC251 - blocking the loop is the point
    assert len(await eventually(lambda: world.rows(RUNS))) == 1


async def test_schedules_that_cannot_fire_hold_up_no_others(world: World) -> None:
    """More of them than one check takes, all due earlier, for an agent that was removed from the settings."""
    await world.rows(
        "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
        " SELECT 'bob', 'old', 'gone', 'hi', '{\"type\": \"interval\", \"seconds\": 60}', 'UTC', now() - interval '1 day'"
        " FROM generate_series(1, 120)"
    )
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await ann.schedules_soon()
    assert [row["user_id"] for row in await eventually(lambda: world.rows(RUNS))] == ["ann"]


async def test_a_schedule_that_cannot_fire_hides_no_later_fire(world: World) -> None:
    """The scheduler waits for the next known fire, not for the next check."""
    gateway = await world.gateway()
    await world.rows(
        "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
        " SELECT 'bob', 'news', agent, 'hi', '{\"type\": \"interval\", \"seconds\": 3600}', 'UTC', now() + due"
        " FROM (VALUES ('gone', interval '-1 day'), ('assistant', interval '1 hour')) AS given (agent, due)"
    )
    assert 3_000 < await gateway.gateway.scheduler.tick() < 3_601


async def test_an_odd_schedule_holds_up_no_others(world: World) -> None:
    """One whose interval is longer than the calendar, due first: an unforeseen error."""
    await world.rows(
        "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
        " VALUES ('bob', 'odd', 'assistant', 'hi', '{\"type\": \"interval\", \"seconds\": 1000000000000000}', 'UTC',"
        " now() - interval '1 day')"
    )
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await ann.schedules_soon()
    assert [row["user_id"] for row in await eventually(lambda: world.rows(RUNS))] == ["ann"]


async def test_a_run_goes_on_when_its_caller_has_gone(world: World) -> None:
    """What was committed is started, even if the caller disconnected in between."""
    detours = Detours()
    gateway = await world.gateway(detours.seams)
    ann = await world.person("ann", gateway.url)
    made = await ann.posts("/api/schedules", 201, **FAR)
    committed, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(run_now: Call, *asked: Any) -> Any:
        accepted = await run_now(*asked)
        committed.set()
        await go_on.wait()
        return accepted

    detours.divert("schedules", "run_now", held_up)
    run = asyncio.create_task(gateway.gateway.scheduler.run_now(ScheduleId(made["id"]), None))
    await committed.wait()
    run.cancel()
    go_on.set()
    await eventually(lambda: world.rows("SELECT 1 FROM chat_messages WHERE role = 'assistant'"), within=10)


async def test_a_run_on_request_leaves_the_next_fire_as_it_is(world: World) -> None:
    """A schedule far in the future runs now, and again at its time."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    made = await ann.posts("/api/schedules", 201, **FAR)
    for _ in range(2):
        status, _answer = await ann.calls("POST", f"/api/schedules/{made['id']}/run")
        assert status < 300
    assert len(await world.rows(RUNS)) == 2
    kept = (await ann.gets(f"/api/schedules/{made['id']}"))["next_fire_at"]
    assert kept == made["next_fire_at"]
