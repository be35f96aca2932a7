"""Agents that block the event loop: the gateway stops in time, keeps its lease, and names the agent."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from tests.faults.agent_settings import agent
from tests.world import ROOT, Person, Process, World, eventually

pytestmark = pytest.mark.faults

BLOCKING = {
    "TURNGATE_AGENTS__ASSISTANT__KIND": "python",
    "TURNGATE_AGENTS__ASSISTANT__TARGET": "tests.faults.misbehaving_agents:blocking_for",
}


async def blocked(person: Person, text: str) -> None:
    """Sends a message that blocks the gateway's event loop; returns once the gateway no longer responds."""
    socket = await person.connects()
    await socket.says(type="send", id="m1", text=text)

    async def silent() -> bool:
        try:
            async with asyncio.timeout(0.5), person.http.get(f"{person.url}/healthz") as response:
                return not response.ok
        except TimeoutError:
            return True

    await eventually(silent)


def events(process: Process) -> list[dict[str, object]]:
    """The events in the gateway's log."""
    return [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("text", ["60", "match"])
async def test_a_gateway_whose_agent_blocks_the_loop_stops(text: str, world: World) -> None:
    """It stops well within ten seconds of SIGTERM, even while `re` matches and no Python thread can run."""
    gateway = await world.process(**BLOCKING)
    await blocked(await world.person("ann", gateway.url), text)
    assert await gateway.stops() < 10


async def test_a_blocked_loop_keeps_its_lease_and_its_agent_is_named(world: World) -> None:
    """No replica takes the turn over, and the log and `turngate doctor` say which agent blocks and where."""
    gateway = await world.process("blocked", **BLOCKING)
    other = await world.gateway(agents=agent("blocking_for"))
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    reply = await socket.asks("5", "m1")
    turns = await world.rows("SELECT attempt, epoch FROM turns")
    assert reply["content"] == "re: 5"
    assert turns == [{"attempt": 1, "epoch": 1}]
    assert other.gateway.engine.health.accepting()
    told = next(event for event in events(gateway) if event["event"] == "loop_blocked")
    assert told["agent"] == "assistant"
    assert "misbehaving_agents.py" in str(told["where"])
    finding = await doctor_on_assistant(world)
    assert not finding["ok"]
    assert "blocked the event loop for 5 s" in finding["detail"]


async def test_a_message_is_acknowledged_before_its_agent_blocks_the_loop(world: World) -> None:
    """The agent waits for a file that is created after the sender has received the ack."""
    blocking = {**BLOCKING, "TURNGATE_AGENTS__ASSISTANT__TARGET": "tests.faults.misbehaving_agents:blocking_until_file"}
    ann = await world.person("ann", (await world.process(**blocking)).url)
    file = world.folder / "acknowledged"
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text=str(file))
    ack = await socket.hears("ack", id="m1")
    file.touch()
    reply = await socket.hears_reply(ack["turn_id"])
    assert reply["message"]["content"] == "it is there"


async def doctor_on_assistant(world: World) -> dict[str, str]:
    """What `turngate doctor` reports about the agent."""
    variables = {"TURNGATE_DATABASE_URL": world.database_url, "TURNGATE_DATA_DIR": str(world.folder / "doctor")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", "doctor", "--json"),
        cwd=ROOT,
        env={**os.environ, **BLOCKING, **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    found: dict[str, str] = next(entry for entry in json.loads(output) if entry["name"] == "agent assistant")
    return found
