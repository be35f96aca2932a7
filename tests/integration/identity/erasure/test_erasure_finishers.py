"""Several finishers of one erasure: who comes late leaves alone what the user made after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.app.running.serve import Running
from gateway.core.model import UserId
from tests.detours import Call, Detours
from tests.integration.identity.erasure.erasing import ERASE, finishes, housekeeps, is_gone
from tests.integration.identity.user_data import SESSIONS
from tests.world import Person, World, eventually

AGED = "UPDATE erasures SET taken_at = taken_at - interval '61 s'"
FINISHED = "SELECT user_id FROM erasures WHERE finished_at IS NOT NULL ORDER BY 1"
DAILY = {"name": "n", "prompt": "p", "trigger": {"type": "cron", "expression": "0 8 * * *"}}


@asynccontextmanager
async def frozen_at(step: str, mia: Person, detours: Detours) -> AsyncIterator[asyncio.Task[tuple[int, object]]]:
    """In the midst of an erasure whose finisher stands before that step, and goes on at the end; others pass."""
    frozen, thaws = asyncio.Event(), asyncio.Event()

    async def freezes(call: Call, *asked: Any) -> object:
        if not frozen.is_set():
            frozen.set()
            await thaws.wait()
        return await call(*asked)

    detours.divert("erasure", step, freezes)
    asking = asyncio.create_task(mia.calls("DELETE", ERASE))
    await frozen.wait()
    yield asking
    thaws.set()


@pytest.mark.parametrize("step", ["clear", "session_ids", "clear_session", "finish"])
async def test_one_that_thaws_leaves_a_new_life_alone(
    step: str, world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """P-4: another has finished, and the name was begun anew."""
    await mia.posts(SESSIONS, 201)
    await mia.posts(SESSIONS, 201)
    async with frozen_at(step, mia, detours) as asking:
        await world.rows(AGED)
        await finishes(world, gateway)
        new = await world.person("mia", gateway.url)
        await new.posts(SESSIONS, 201)
        await new.posts("/api/schedules", 201, **DAILY)
    assert (await asking)[0] == 204
    assert (await new.gets(SESSIONS))["total"] == 1
    assert len((await new.gets("/api/schedules"))["schedules"]) == 1


async def test_one_that_thaws_does_not_finish_the_next_erasure(
    world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """P-4: the name was begun anew, and is being erased again."""
    await mia.posts(SESSIONS, 201)
    async with frozen_at("finish", mia, detours) as asking:
        await world.rows(AGED)
        await finishes(world, gateway)
        await (await world.person("mia", gateway.url)).posts(SESSIONS, 201)
        await gateway.gateway.stores.erasure.begin(UserId(mia.user))
    await asking
    assert await world.rows(FINISHED) == []
    await world.rows(AGED)
    await finishes(world, gateway)
    assert await is_gone(world)


async def test_a_running_erasure_is_not_taken_over(
    world: World, gateway: Running, mia: Person, detours: Detours
) -> None:
    """P-4: each step renews the claim, so an erasure that takes longer than a minute is not taken over."""
    await mia.posts(SESSIONS, 201)
    taken: list[object] = []

    async def long(clear_session: Call, *asked: Any) -> object:
        await world.rows(AGED)
        more = await clear_session(*asked)
        taken.extend(await gateway.gateway.stores.erasure.take_over())
        return more

    detours.divert("erasure", "clear_session", long)
    assert (await mia.calls("DELETE", ERASE))[0] == 204
    assert taken == []
    assert await is_gone(world)


async def test_one_that_fails_stops_no_other(world: World, gateway: Running, detours: Detours) -> None:
    """P-4: it is tried again later."""
    await world.rows(
        "INSERT INTO erasures (user_id, taken_at) SELECT n, now() - interval '1 hour' FROM unnest($1::text[]) AS n",
        list("abc"),
    )
    faults = [RuntimeError("a fault")]

    async def fails_first(finish: Call, *asked: Any) -> None:
        if faults:
            raise faults.pop()
        await finish(*asked)

    detours.divert("erasure", "finish", fails_first)
    await housekeeps(gateway)

    async def two_are_finished() -> bool:
        return len(await world.rows(FINISHED)) == 2

    await eventually(two_are_finished)
    await world.rows(AGED + " WHERE finished_at IS NULL")
    await finishes(world, gateway)
    assert len(await world.rows(FINISHED)) == 3
