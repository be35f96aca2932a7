"""Whoever is unlinked hears nothing of the schedules either, however close a fire or a change comes to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.app.running.serve import Running
from gateway.core.model import AgentName, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.schedules import Schedule
from scheduler.normalize import message_of_fire, message_of_request
from tests.detours import Call, Detours
from tests.world import Person, World, eventually

SESSIONS, SCHEDULES = "/api/chat/sessions", "/api/schedules"
PRIVATE, OTHER = "telegram:777:5:0", "telegram:777:6:0"
DAILY = {"name": "Morning", "prompt": "What is new?", "trigger": {"type": "cron", "expression": "0 8 * * *"}}
TERMS = TurnTerms()
PLACES = "SELECT deliver_to FROM turns ORDER BY started_at DESC LIMIT 1"
BLOCKED = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def gateway(world: World, detours: Detours) -> Running:
    """A gateway with the demo agent."""
    return await world.gateway(detours.seams)


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user who is linked to account 5, and has talked in its private chat and in account 6's."""
    mia = await world.person("mia", gateway.url)
    await mia.posts(SESSIONS, 201)
    await world.rows(
        "INSERT INTO links (user_id, channel, external_id, display_name) VALUES ('mia', 'telegram', '5', 'Mia')"
    )
    await world.rows(
        "INSERT INTO routes (user_id, route, chat_id) SELECT user_id, unnest($1::text[]), chat_id FROM chat_sessions",
        [PRIVATE, OTHER],
    )
    return mia


async def unlinks(person: Person) -> None:
    """Ends the link."""
    [link] = (await person.gets("/api/links"))["links"]
    assert (await person.calls("DELETE", f"/api/links/{link['id']}"))[0] == 204


async def read(gateway: Running, made: dict[str, Any]) -> Schedule:
    """As a ticker reads it."""
    return await gateway.gateway.stores.schedules.get(made["id"], None)


async def fires(gateway: Running, schedule: Schedule) -> bool:
    """Whether a fire of the schedule as it was read comes to anything."""
    at = schedule.next_fire_at
    assert at is not None
    store, message = gateway.gateway.stores.schedules, message_of_fire(schedule, at)
    return await store.fire(schedule, at + timedelta(days=1), message, TERMS) is not None


async def test_a_fire_of_what_was_read_before_comes_to_nothing(gateway: Running, mia: Person) -> None:
    """The next look fires it, to the places that are left."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    await unlinks(mia)
    assert not await fires(gateway, before)
    assert await fires(gateway, await read(gateway, made))


async def test_a_change_of_what_was_read_before_brings_no_place_back(mia: Person, detours: Detours) -> None:
    """A PATCH that began before the unlinking and ends after it."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])

    async def late(change: Call, *asked: Any) -> Any:
        detours.end("schedules", "change")
        await unlinks(mia)
        return await change(*asked)

    detours.divert("schedules", "change", late)
    status, changed = await mia.calls("PATCH", f"{SCHEDULES}/{made['id']}", json={"name": "Evening"})
    assert (status, changed["name"], changed["deliver_to"]) == (200, "Evening", [OTHER])


async def test_a_run_on_request_goes_where_the_schedule_says_now(world: World, gateway: Running, mia: Person) -> None:
    """Not where it said when it was read."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])
    before = await read(gateway, made)
    await unlinks(mia)
    message = message_of_request(before, uuid4())
    await gateway.gateway.stores.schedules.run_now(before, message, TERMS)
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]


async def test_a_place_that_was_checked_before_the_unlinking_is_no_place(
    world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """A schedule that was made meanwhile, whether it fires or is run."""

    async def late(create: Call, *asked: Any, **more: Any) -> Any:
        await unlinks(mia)
        return await create(*asked, **more)

    detours.divert("schedules", "create", late)
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])
    await mia.posts(f"{SCHEDULES}/{made['id']}/run", 202)
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]
    assert await fires(gateway, await read(gateway, made))
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]


async def test_an_unlinking_that_is_under_way_is_waited_for(world: World, gateway: Running, mia: Person) -> None:
    """It has taken the place away, and not said so yet."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    unlinking = await asyncpg.connect(world.database_url)
    try:
        async with unlinking.transaction():
            await unlinking.execute("DELETE FROM routes WHERE route = $1", PRIVATE)
            firing = asyncio.create_task(fires(gateway, before))
            await eventually(lambda: world.rows(BLOCKED))
        assert await firing
    finally:
        await unlinking.close()
    assert await world.rows(PLACES) == [{"deliver_to": []}]


@pytest.mark.parametrize(
    "change",
    [
        "name = 'Evening'",
        "agent_name = 'other'",
        "prompt = 'Else?'",
        'trigger = \'{"type": "interval", "seconds": 60}\'',
        "timezone = 'Asia/Tokyo'",
        "deliver_to = '{}'",
    ],
)
async def test_whoever_changes_a_schedule_is_noticed(world: World, gateway: Running, mia: Person, change: str) -> None:
    """Gateways of the version before, too, which know of no revision."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    await world.rows(f"UPDATE schedules SET {change}")
    assert not await fires(gateway, before)


async def test_a_fire_is_no_change(gateway: Running, mia: Person) -> None:
    """Who renames a schedule while it fires is told no conflict; a change that changes nothing is none either."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    assert await fires(gateway, before)
    await mia.calls("PATCH", f"{SCHEDULES}/{made['id']}", json={"name": "Morning"})
    after = await read(gateway, made)
    assert replace(after, next_fire_at=None, last_fire_at=None) == replace(before, next_fire_at=None, last_fire_at=None)
    assert (before.user_id, before.agent_name) == (UserId("mia"), AgentName("assistant"))
