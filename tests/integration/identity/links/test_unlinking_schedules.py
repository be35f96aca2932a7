"""An unlinked account receives nothing from schedules either, however close to the unlinking a fire or a change happens."""

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
    """A user who is linked to account 5, and has chatted there and in account 6's private chat."""
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
    """The schedule as the ticker reads it."""
    return await gateway.gateway.stores.schedules.get(made["id"], None)


async def fires(gateway: Running, schedule: Schedule) -> bool:
    """Whether a fire of the schedule, as read earlier, has any effect."""
    at = schedule.next_fire_at
    assert at is not None
    store, message = gateway.gateway.stores.schedules, message_of_fire(schedule, at)
    return await store.fire(schedule, at + timedelta(days=1), message, TERMS) is not None


async def test_a_fire_of_an_outdated_schedule_is_dropped(gateway: Running, mia: Person) -> None:
    """The next tick fires it, to the remaining addresses."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    await unlinks(mia)
    assert not await fires(gateway, before)
    assert await fires(gateway, await read(gateway, made))


async def test_a_change_of_an_outdated_schedule_does_not_restore_an_address(mia: Person, detours: Detours) -> None:
    """A PATCH that starts before the unlinking and ends after it."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])

    async def late(change: Call, *asked: Any) -> Any:
        detours.end("schedules", "change")
        await unlinks(mia)
        return await change(*asked)

    detours.divert("schedules", "change", late)
    status, changed = await mia.calls("PATCH", f"{SCHEDULES}/{made['id']}", json={"name": "Evening"})
    assert (status, changed["name"], changed["deliver_to"]) == (200, "Evening", [OTHER])


async def test_a_run_on_request_uses_the_current_addresses(world: World, gateway: Running, mia: Person) -> None:
    """Not those from when the schedule was read."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])
    before = await read(gateway, made)
    await unlinks(mia)
    message = message_of_request(before, uuid4())
    await gateway.gateway.stores.schedules.run_now(before, message, TERMS)
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]


async def test_an_address_that_is_removed_after_its_check_is_left_out(
    world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """A schedule that is created in the meantime, whether it fires or is run on request."""

    async def late(create: Call, *asked: Any, **more: Any) -> Any:
        await unlinks(mia)
        return await create(*asked, **more)

    detours.divert("schedules", "create", late)
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE, OTHER])
    await mia.posts(f"{SCHEDULES}/{made['id']}/run", 202)
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]
    assert await fires(gateway, await read(gateway, made))
    assert await world.rows(PLACES) == [{"deliver_to": [OTHER]}]


async def test_a_fire_waits_for_a_running_unlinking(world: World, gateway: Running, mia: Person) -> None:
    """The unlinking has removed the address, but is not committed yet."""
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
async def test_a_fire_notices_every_change_of_its_schedule(
    world: World, gateway: Running, mia: Person, change: str
) -> None:
    """Including changes by gateways of the previous version, which know no revision."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    await world.rows(f"UPDATE schedules SET {change}")
    assert not await fires(gateway, before)


async def test_a_fire_does_not_count_as_a_change(gateway: Running, mia: Person) -> None:
    """Renaming a schedule while it fires causes no conflict; neither does a change without effect."""
    made = await mia.posts(SCHEDULES, 201, **DAILY, deliver_to=[PRIVATE])
    before = await read(gateway, made)
    assert await fires(gateway, before)
    await mia.calls("PATCH", f"{SCHEDULES}/{made['id']}", json={"name": "Morning"})
    after = await read(gateway, made)
    assert replace(after, next_fire_at=None, last_fire_at=None) == replace(before, next_fire_at=None, last_fire_at=None)
    assert (before.user_id, before.agent_name) == (UserId("mia"), AgentName("assistant"))
