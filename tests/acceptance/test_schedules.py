"""Schedules end to end: one is due in seconds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World, eventually

pytestmark = pytest.mark.acceptance


async def test_a_due_schedule_goes_all_the_way(world: World) -> None:
    """C-1, AC-7: its run is a session tagged `scheduled`, with the prompt and the answer, inactive afterwards."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    created = await ann.schedules_soon(name="Morning", prompt="hello")
    assert created["next_fire_at"] is not None

    async def done() -> list[dict[str, Any]]:
        return await world.rows("SELECT channel, title, user_id, message_count FROM chat_sessions WHERE NOT is_active")

    assert await eventually(done) == [
        {"channel": "scheduled", "title": "Morning", "user_id": "ann", "message_count": 2}
    ]
    rows = await world.rows("SELECT content, channel FROM chat_messages WHERE role = 'user'")
    assert rows == [{"content": "hello", "channel": "scheduled"}]


async def test_the_row_is_there_before_the_agent_is_called(world: World) -> None:
    """AC-7: while the agent still waits, the session exists and is active."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await ann.schedules_soon(prompt="wait 2 seconds")

    async def running() -> list[dict[str, Any]]:
        return await world.rows(
            "SELECT s.channel, s.is_active FROM chat_sessions AS s JOIN turns AS t USING (chat_id) WHERE t.status = 'running'"
        )

    assert await eventually(running) == [{"channel": "scheduled", "is_active": True}]


async def test_run_now_runs_outside_its_times(world: World) -> None:
    """The next fire time is unchanged."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    hourly = {"type": "interval", "seconds": 3600}
    created = await ann.posts("/api/schedules", 201, name="Hourly", prompt="hello", trigger=hourly)
    await ann.posts(f"/api/schedules/{created['id']}/run", 202)

    async def done() -> list[dict[str, Any]]:
        return await world.rows("SELECT 1 FROM chat_sessions WHERE channel = 'scheduled' AND NOT is_active")

    assert len(await eventually(done)) == 1
    assert (await ann.gets("/api/schedules"))["schedules"][0]["next_fire_at"] == created["next_fire_at"]


async def test_three_replicas_fire_each_fire_once(world: World) -> None:
    """A fire is a transaction: however many replicas see it due, one of them commits it."""
    gateways = [await world.gateway(data_dir=name) for name in ("one", "two", "three")]
    ann = await world.person("ann", gateways[0].url)
    for number in range(5):
        await ann.schedules_soon(name=f"s{number}")

    async def done() -> bool:
        return len(await world.rows("SELECT 1 FROM chat_sessions WHERE NOT is_active")) >= 5

    await eventually(done)
    assert len(await world.rows("SELECT 1 FROM turns")) == 5
