"""What operators rely on while a gateway runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import asyncpg
import pytest

from gateway.core.ports.turns import Tenure
from gateway.core.tasks.background import Background
from gateway.core.turns.attempt import Call, Running
from gateway.core.turns.draft import Draft
from tests.world import World, eventually

pytestmark = pytest.mark.acceptance


async def test_each_run_is_logged_with_its_session(world: World) -> None:
    """R-7."""
    gateway = await world.process_under((), "gateway", {})
    ann = await world.person("ann", gateway.url)
    reply = await (await ann.connects()).asks("hello", "m1")

    async def logged() -> bool:
        events = [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]
        return any(event["event"] == "turn_ended" and event["session"] == reply["session_id"] for event in events)

    await eventually(logged)


async def test_a_newer_replicas_migration_does_not_stop_this_one(world: World) -> None:
    """A column is added while a gateway runs: its cached plans are outdated, and it continues."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="watch")
    await socket.asks("hello", "m1")
    connection = await asyncpg.connect(world.database_url)
    await connection.execute("ALTER TABLE chat_sessions ADD COLUMN of_a_newer_version text")
    await connection.close()
    assert (await socket.asks("what was my last question?", "m2"))["seq"] == 4
    assert not gateway.ended.is_set()


@dataclass
class KeptLease:
    """A lease that does not lapse."""

    term: int = 1

    def alive(self) -> bool:
        return True


async def test_a_turn_that_is_ending_can_be_cancelled_again() -> None:
    """Every poll of the database repeats a cancel, also while the agent cleans up."""
    turn, cleaned_up = Running(1, Tenure.of(KeptLease())), False
    ended: list[BaseException | None] = []

    async def works() -> None:
        nonlocal cleaned_up
        turn.call = call = Call(Draft(100), 60, Background(), lambda error, _context: ended.append(error))
        turn.cancel()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            turn.cancel()
            await asyncio.sleep(0)
            cleaned_up = True
        call.end(None)

    await asyncio.create_task(works())
    assert turn.cancelled
    assert cleaned_up
    assert [type(error) for error in ended] == [TimeoutError]
