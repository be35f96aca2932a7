"""Clocks that stop or jump, and fires missed while no replica runs (rows 38, 40 and 41)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.agent_settings import agent
from tests.faults.misbehaving_agents import ODD
from tests.world import ROOT, World, eventually

pytestmark = pytest.mark.faults

RUNS = (
    "SELECT t.status, t.attempt, s.user_id FROM chat_sessions AS s JOIN turns AS t USING (chat_id)"
    " WHERE s.channel = 'scheduled'"
)
ROWS = "SELECT 1 FROM chat_messages WHERE channel = 'scheduled'"
HOUR_S = 3600
CLOCK = ROOT / "tests" / "faults" / "clock"


async def hourly(world: World, hours: float) -> datetime:
    """Creates a schedule that fires every hour, first in (or ago) so many hours; returns its first fire time."""
    [row] = await world.rows(
        "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
        " VALUES ('ann', 'News', 'assistant', 'hello', '{\"type\": \"interval\", \"seconds\": 3600}', 'UTC',"
        " clock_timestamp() + $1 * interval '1 hour') RETURNING next_fire_at",
        hours,
    )
    due: datetime = row["next_fire_at"]
    return due


async def ended_runs(world: World) -> list[dict[str, Any]]:
    """Waits until all scheduled runs have ended, and returns them."""
    runs = await world.rows(RUNS)
    return runs if runs and all(run["status"] == "completed" for run in runs) else []


# Row 38: whose clock counts --------------------------------------------------------------------------------------------


async def test_schedules_are_due_by_the_clock_of_the_database(world: World) -> None:
    """Row 38: a gateway whose clock is an hour ahead fires what is due, and nothing early."""
    await hourly(world, 0.5)
    due = await hourly(world, -0.5)
    fast = await world.process("fast", PYTHONPATH=str(CLOCK), FAULTS_CLOCK_S=str(HOUR_S))
    event = next(json.loads(line) for line in fast.log.read_text().splitlines() if line.startswith("{"))
    logged = datetime.fromisoformat(event["timestamp"])
    assert logged - datetime.now(UTC) > timedelta(minutes=50)
    await eventually(lambda: ended_runs(world))
    ann = await world.person("ann", fast.url)
    await (await ann.connects()).asks("hello", "k1")
    assert len(await world.rows(RUNS)) == 1
    [moved] = await world.rows("SELECT next_fire_at FROM schedules WHERE last_fire_at IS NOT NULL")
    assert moved["next_fire_at"] == due + timedelta(hours=1)


# Row 40: no replica was running ----------------------------------------------------------------------------------------


async def test_missed_fires_become_one_run(world: World) -> None:
    """Row 40: three replicas return after five fire times; one run covers the latest, and the next fire time is unchanged."""
    due = await hourly(world, -4.5)
    await asyncio.gather(*(world.gateway(data_dir=name) for name in ("one", "two", "three")))
    assert len(await eventually(lambda: ended_runs(world))) == 1
    [fired] = await world.rows("SELECT next_fire_at, last_fire_at FROM schedules")
    assert fired["next_fire_at"] == due + timedelta(hours=5)
    assert fired["last_fire_at"] >= due + timedelta(hours=4)


@pytest.mark.parametrize("point", ["before_fire", "after_fire"])
async def test_a_replica_that_dies_while_it_fires(world: World, point: str) -> None:
    """Row 40: it dies right before or after the fire's transaction; the run is neither lost nor created twice."""
    doomed = await world.process("doomed", TURNGATE_FAILPOINTS=f'{{"{point}": "kill"}}')
    await hourly(world, -0.1)
    await doomed.process.wait()
    await asyncio.gather(*(world.gateway(data_dir=name) for name in ("one", "two")))
    runs = await eventually(lambda: ended_runs(world))
    assert runs == [{"status": "completed", "attempt": 1 if point == "before_fire" else 2, "user_id": "ann"}]
    assert len(await world.rows(ROWS)) == 2


# Row 41: a blocked loop ------------------------------------------------------------------------------------------------


async def test_an_agent_that_blocks_the_loop_at_a_fire_time(world: World) -> None:
    """Row 41: blocked for five seconds around a fire time, a gateway loses nothing to another, and the run is created once.

    With the default lease of 15 s.
    """
    usual = {"heartbeat_s": 5.0, "ttl_s": 15.0, "sweep_s": 0.2}
    blocked = await world.process(
        "blocked",
        TURNGATE_AGENTS__ASSISTANT__KIND="python",
        TURNGATE_AGENTS__ASSISTANT__TARGET="tests.faults.misbehaving_agents:blocking",
        **{f"TURNGATE_REPLICA__{name.upper()}": str(value) for name, value in usual.items()},
    )
    ann = await world.person("ann", blocked.url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text=ODD)
    ack = await socket.hears("ack")
    await hourly(world, 1 / HOUR_S)
    other = await world.gateway(agents=agent("blocking"), replica=usual)
    await socket.hears_reply(ack["turn_id"])
    assert len(await eventually(lambda: ended_runs(world))) == 1
    assert await world.rows("SELECT 1 FROM turns WHERE attempt <> 1") == []
    assert other.failed is None
