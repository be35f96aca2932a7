"""Agents that hang, crash, return nonsense, return too much, or kill their process (rows 29 to 31 and 33)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running, running_gateway
from gateway.core.events import TextDelta
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from tests.fakes.bot_api import FakeBotApi
from tests.faults.agent_settings import agent
from tests.faults.memory import resident
from tests.faults.misbehaving_agents import LARGE, ODD
from tests.integration.telegram.driver import ADA, TOKEN
from tests.world import PATIENCE_S, Person, World, eventually

pytestmark = pytest.mark.faults

APOLOGIES = "SELECT attempt FROM turns WHERE status = 'failed'"


async def odd(world: World, name: str, **given: Any) -> Person:
    """Ann at a gateway with that agent, which has half a second and two attempts."""
    turns = {"timeout_s": 0.5, "max_attempts": 2, **given}
    gateway = await world.gateway(agents=agent(name), turns=turns)
    return await world.person("ann", gateway.url)


async def apologised(world: World) -> list[dict[str, Any]]:
    """The replies to failed turns."""
    return await world.rows(
        "SELECT content FROM chat_messages JOIN turns USING (turn_id) WHERE role = 'assistant' AND status = 'failed'"
    )


# Row 29: an agent that hangs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hanging", "stubborn", "stuck_thread", "leaving_late"])
async def test_an_agent_that_hangs(world: World, name: str) -> None:
    """Row 29: each attempt times out, an apology follows, and the session continues.

    An agent that swallows its cancellation or blocks a thread is abandoned.
    """
    socket = await (await odd(world, name)).connects()
    apology = await socket.asks(ODD, "k1")
    assert apology["content"].startswith("Sorry")
    assert await world.rows(APOLOGIES) == [{"attempt": 2}]
    assert not (await socket.asks("hello", "k2"))["content"].startswith("Sorry")


async def test_a_second_attempt_has_the_same_turn_id(world: World) -> None:
    """Row 29: the second attempt gets the same turn id, and the first attempt's output is discarded."""
    socket = await (await odd(world, "hanging_once")).connects()
    reply = await socket.asks("hello", "k1")
    assert reply["content"] == f"{reply['turn_id']} at attempt 2"


# Row 30: an agent that crashes or returns nonsense ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["raising", "leaving", "numbers", "nothing", "dictionaries", "unending"])
async def test_an_agent_that_returns_nonsense(world: World, name: str) -> None:
    """Row 30: one apology is sent, and the session's next message is answered."""
    socket = await (await odd(world, name)).connects()
    assert (await socket.asks(ODD, "k1"))["content"].startswith("Sorry")
    assert len(await apologised(world)) == 1
    assert (await socket.asks("hello", "k2"))["content"] in {"re: hello", "so far so good"}


@pytest.mark.parametrize("name", ["large", "large_in_pieces"])
async def test_a_reply_of_ten_megabytes(world: World, name: str) -> None:
    """Row 30: the reply is cut at the limit and says so, and its reader stays connected."""
    ann = await odd(world, name, timeout_s=30, max_reply=100_000)
    socket = await ann.connects()
    reply = await socket.asks(ODD, "k1")
    assert 100_000 <= len(reply["content"]) < 100_200
    assert "cut off" in reply["content"][-100:]
    told = sum(len(frame["text"]) for frame in socket.heard if frame["type"] == "delta")
    assert told < LARGE / 10
    await socket.asks("hello", "k2")


async def test_large_replies_are_not_kept_in_memory(world: World) -> None:
    """Row 30: a process that has handled many large replies uses about as much memory as after the first."""
    gateway = await world.process(
        TURNGATE_AGENTS__ASSISTANT__KIND="python",
        TURNGATE_AGENTS__ASSISTANT__TARGET="tests.faults.misbehaving_agents:large",
        TURNGATE_TURNS__MAX_REPLY="50000",
    )
    socket = await (await world.person("ann", gateway.url)).connects()
    await socket.asks(ODD, "warm")
    before = resident(gateway.process.pid)
    for number in range(8):
        await socket.asks(ODD, f"k{number}")
    assert resident(gateway.process.pid) - before < 60_000_000


async def test_a_message_that_kills_gateways(world: World) -> None:
    """Row 30: it kills two gateways; the third apologises without calling the agent again, and keeps running."""
    setting = {
        "TURNGATE_AGENTS__ASSISTANT__KIND": "python",
        "TURNGATE_AGENTS__ASSISTANT__TARGET": "tests.faults.misbehaving_agents:deadly",
        "TURNGATE_TURNS__MAX_ATTEMPTS": "2",
    }
    first = await world.process("first", **setting)
    ann = await world.person("ann", first.url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text=ODD)
    await first.process.wait()
    second = await world.process("second", **setting)
    await second.process.wait()
    third = await world.process("third", **setting)
    assert len(await eventually(lambda: apologised(world))) == 1
    assert await world.rows(APOLOGIES) == [{"attempt": 3}]
    ann.url = third.url
    assert (await (await ann.connects()).asks("hello", "k2"))["content"] == "re: hello"
    assert third.process.returncode is None


# Row 31: a result that comes too late ----------------------------------------------------------------------------------


async def test_a_result_that_arrives_after_a_takeover(world: World) -> None:
    """Rows 10 and 31: a replica frozen during an answer thaws after another has answered; it stores and sends nothing."""
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05) as fake:
        telegram = {"TOKEN": TOKEN, "API_URL": fake.url, "ACCESS": "open"}
        frozen = await world.process(
            "frozen", **{f"TURNGATE_TELEGRAM__{name}": value for name, value in telegram.items()}
        )
        fake.says(ADA, "wait 1.5 seconds")
        await eventually(lambda: world.rows("SELECT 1 FROM turns"))
        frozen.process.send_signal(signal.SIGSTOP)
        await world.gateway(telegram={name.lower(): value for name, value in telegram.items()})
        await fake.hears(ADA, within=PATIENCE_S)
        frozen.process.send_signal(signal.SIGCONT)

        async def noticed() -> bool:
            return "turn_lost" in frozen.log.read_text()

        await eventually(noticed)
        assert await frozen.stops() < 10
        assert len(fake.sent(ADA)) == 1
        assert await world.rows("SELECT status, attempt FROM turns") == [{"status": "completed", "attempt": 2}]
        assert len(await world.rows("SELECT 1 FROM chat_messages")) == 2


# Row 33: many messages at once -----------------------------------------------------------------------------------------


@dataclass
class OneByOne:
    """Echoes, and records its inputs and how many it answered at the same time."""

    asked: list[str] = field(default_factory=list)
    busy: int = 0
    most: int = 0

    async def run(self, turn: Turn) -> AsyncIterator[TextDelta]:
        self.busy += 1
        self.most = max(self.most, self.busy)
        self.asked.append(turn.text)
        await asyncio.sleep(0)
        yield TextDelta(f"re: {turn.text}")
        self.busy -= 1


async def test_a_burst_of_a_hundred_messages(world: World) -> None:
    """Row 33: they are answered in order, one at a time, over two replicas."""
    agent = OneByOne()
    async with AsyncExitStack() as stack:
        one, two = [await replica(stack, world, agent, name) for name in ("one", "two")]
        ann = await world.person("ann", one.url)
        socket = await ann.connects()
        ack = await asyncio.create_task(said(socket, 0))
        away = Person("ann", ann.token, two.url, ann.http)
        other = await away.connects(session_id=ack["session_id"])
        for number in range(1, 100):
            await said((socket, other)[number % 2], number)
        await eventually(
            lambda: world.rows("SELECT 1 FROM turns HAVING count(*) FILTER (WHERE status = 'completed') = 100")
        )
    assert agent.asked == [f"m{number}" for number in range(100)]
    assert agent.most == 1
    rows = await world.rows("SELECT content FROM chat_messages WHERE role = 'assistant' ORDER BY seq")
    assert [row["content"] for row in rows] == [f"re: m{number}" for number in range(100)]


async def said(socket: Any, number: int) -> dict[str, Any]:
    """Sends the message with that number and returns its ack."""
    await socket.says(type="send", id=f"k{number}", text=f"m{number}")
    ack: dict[str, Any] = await socket.hears("ack", id=f"k{number}")
    return ack


async def replica(stack: AsyncExitStack, world: World, agent: Agent, name: str) -> Running:
    """A gateway in this process with that agent."""
    settings = world.settings(data_dir=name, secret_key="k" * 32, turns={"max_waiting": 1000})
    running = await stack.enter_async_context(running_gateway(settings, Seams(agent=lambda _: agent)))
    async with asyncio.timeout(PATIENCE_S):
        await running.ready.wait()
    return running
