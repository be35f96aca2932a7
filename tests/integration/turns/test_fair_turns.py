"""No backlog delays other users' answers: turn slots are shared between users, addresses and agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from gateway.agents.python.settings import PythonAgentSettings
from gateway.app.running.serve import Running
from gateway.core.model import AgentName
from tests.integration.agents.holding_agents import Holding
from tests.integration.ai_sdk.ui_streams import streaming_from
from tests.world import Person, Socket, World, eventually

SHOP = "https://shop.example"
HOLDING = f"{Holding.__module__}:{Holding.__name__}"
HERE, ELSEWHERE = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}


@pytest.fixture
async def gateway(world: World) -> AsyncIterator[Running]:
    """A gateway with the default limits, behind a proxy."""
    running = await world.gateway(
        web={"allowed_origins": [SHOP], "anonymous": True},
        limits={"trusted_proxies": ["127.0.0.0/8"]},
        agents={"assistant": PythonAgentSettings(kind="python", target=HOLDING)},
    )
    yield running
    holding(running).go_on.set()


def holding(gateway: Running, name: str = "assistant") -> Holding:
    """An agent of the gateway."""
    agent: Any = gateway.gateway.engine.agents[AgentName(name)]
    found: Holding = agent.target.__self__
    return found


async def visitor(world: World, gateway: Running, at: dict[str, str]) -> Socket:
    """A visitor's socket."""
    http = await world.http()
    async with http.post(f"{gateway.url}/api/visitors", headers={"Origin": SHOP, **at}) as response:
        made = await response.json()
    socket = await Person(made["user_id"], made["token"], gateway.url, http).opens({"Origin": SHOP, **at})
    await socket.says(type="hello", token=made["token"])
    await socket.hears("ready")
    return socket


async def holds(socket: Socket, sessions: int) -> None:
    """Begins so many sessions whose turns do not end."""
    for number in range(sessions):
        await socket.says(type="send", id=f"hold-{number}", text="/new hold")
    for number in range(sessions):
        await socket.hears("ack", id=f"hold-{number}")


def ended(*sockets: Socket) -> list[Any]:
    """Which of their turns have ended, as far as the sockets have received."""
    return [frame for socket in sockets for frame in socket.heard if frame.get("status") == "completed"]


async def test_one_address_does_not_stop_the_others(world: World, gateway: Running) -> None:
    """While 16 visitors at one address have 19 slow turns each, a user and a visitor from elsewhere are answered."""
    flood = [await visitor(world, gateway, HERE) for _ in range(16)]
    await asyncio.gather(*(holds(socket, 19) for socket in flood))
    ann = await world.person("ann", gateway.url)
    assert (await (await ann.connects()).asks("hello", "1"))["content"] == "Here you are."
    assert (await (await visitor(world, gateway, ELSEWHERE)).asks("hello", "1"))["content"] == "Here you are."
    assert (await (await visitor(world, gateway, HERE)).asks("hello", "1"))["content"] == "Here you are."
    assert len(gateway.gateway.engine.runner.running) == 304
    assert not ended(*flood)


async def test_one_user_does_not_stop_the_others(world: World, gateway: Running) -> None:
    """While 300 slow turns of one user run or wait, another user is answered."""
    bob, ann = await world.person("bob", gateway.url), await world.person("ann", gateway.url)
    flood = await bob.connects()
    await holds(flood, 300)
    assert (await (await ann.connects()).asks("hello", "1"))["content"] == "Here you are."
    assert len(gateway.gateway.engine.runner.running) == 300
    assert not ended(flood)


async def test_a_turn_that_waits_long_keeps_its_lease(world: World) -> None:
    """Its deadline is extended while it waits, and its first attempt answers it."""
    gateway = await world.gateway(
        turns={"concurrency": 1},
        agents={
            "assistant": PythonAgentSettings(kind="python", target=HOLDING),
            "hasty": PythonAgentSettings(kind="python", target=HOLDING, timeout_s=0.2),
        },
    )
    ann, bob = await world.person("ann", gateway.url), await world.person("bob", gateway.url)
    await holds(await ann.connects(), 1)
    waiting = await bob.connects(agent="hasty")
    await waiting.says(type="send", id="1", text="hello")
    turn_id = (await waiting.hears("ack"))["turn_id"]
    begun = await deadline(world, turn_id)

    async def renewed() -> bool:
        return await deadline(world, turn_id) > begun

    await eventually(renewed)
    holding(gateway).go_on.set()
    await waiting.hears("turn", turn_id=turn_id, status="completed", attempt=1)


async def deadline(world: World, turn_id: str) -> datetime:
    """The end of the replica's lease on a turn."""
    found: datetime = (await world.rows("SELECT deadline FROM turns WHERE turn_id = $1", turn_id))[0]["deadline"]
    return found


async def test_an_agent_that_is_full_stops_no_other(world: World) -> None:
    """With `concurrency = 1`, its second turn waits while another agent's turn is answered."""
    gateway = await world.gateway(
        agents={
            "assistant": PythonAgentSettings(kind="python", target=HOLDING),
            "single": PythonAgentSettings(kind="python", target=HOLDING, concurrency=1),
        },
    )
    ann, bob = await world.person("ann", gateway.url), await world.person("bob", gateway.url)
    await holds(await ann.connects(agent="single"), 1)
    waiting = await bob.connects(agent="single")
    await waiting.says(type="send", id="1", text="hello")
    turn_id = (await waiting.hears("ack"))["turn_id"]
    assert (await (await bob.connects()).asks("hello", "2"))["content"] == "Here you are."
    assert holding(gateway, "single").called == ["ann"]
    holding(gateway, "single").go_on.set()
    await waiting.hears("turn", turn_id=turn_id, status="completed")


# How a waiting turn is shown -------------------------------------------------------------------------------------------


@pytest.fixture
async def single(world: World) -> AsyncIterator[Running]:
    """A gateway that runs one turn at a time, and already runs one."""
    running = await world.gateway(
        turns={"concurrency": 1}, agents={"assistant": PythonAgentSettings(kind="python", target=HOLDING)}
    )
    await holds(await (await world.person("ann", running.url)).connects(), 1)
    yield running
    holding(running).go_on.set()


async def waits(bob: Person) -> tuple[Socket, dict[str, Any]]:
    """A socket that has sent a message whose turn waits for a slot, and the ack."""
    socket = await bob.connects()
    await socket.says(type="send", id="1", text="hello")
    return socket, await socket.hears("ack")


def told(socket: Socket, turn_id: str) -> list[tuple[str, bool | None]]:
    """Each status and `live` of a turn that a socket has received, once."""
    turns = [frame for frame in socket.heard if frame["type"] == "turn" and frame["turn_id"] == turn_id]
    return list(dict.fromkeys((frame["status"], frame.get("live")) for frame in turns))


async def test_a_socket_sees_that_a_turn_waits_for_a_slot(world: World, single: Running) -> None:
    """Sockets that join and those already there see that it is queued, and not on another replica."""
    bob = await world.person("bob", single.url)
    first, ack = await waits(bob)
    joined = await bob.connects(session_id=ack["session_id"])
    for socket in (first, joined):
        await socket.hears("turn", turn_id=ack["turn_id"])
    holding(single).go_on.set()
    for socket in (first, joined):
        await socket.hears("turn", turn_id=ack["turn_id"], status="completed")
        assert told(socket, ack["turn_id"]) == [("queued", None), ("running", None), ("completed", None)]


async def test_a_stream_sees_that_a_turn_waits_for_a_slot(world: World, single: Running) -> None:
    """It is queued until it runs, and never said to run elsewhere."""
    bob = await world.person("bob", single.url)
    _, ack = await waits(bob)
    async with streaming_from(bob, f"/api/chat/{ack['session_id']}/stream") as stream:
        turn = (await stream.hears("data-turn"))["data"]
        assert (turn["status"], turn.get("live")) == ("queued", None)
        holding(single).go_on.set()
        chunks = await stream.ends()
    turns = [chunk["data"] for chunk in chunks if chunk["type"] == "data-turn"]
    shown = [(turn["status"], turn.get("live")) for turn in turns]
    assert shown[-1] == ("completed", None)
    # An immediate answer may end its turn before it is shown as running.
    assert set(shown) <= {("queued", None), ("running", None), ("completed", None)}


async def test_metrics_distinguish_waiting_and_running_turns(world: World, single: Running) -> None:
    """One has the slot and two wait for it; at the end, none does."""
    bob, cat = await world.person("bob", single.url), await world.person("cat", single.url)
    for person in (bob, cat):
        await waits(person)
    assert await turns_now(bob) == (1, 2)
    holding(single).go_on.set()

    async def none_left() -> bool:
        return await turns_now(bob) == (0, 0)

    await eventually(none_left)


async def turns_now(person: Person) -> tuple[float, float]:
    """How many turns run and how many wait, from `/metrics`."""
    async with person.http.get(f"{person.url}/metrics") as response:
        values = dict(line.rsplit(" ", 1) for line in (await response.text()).splitlines() if line[:1] != "#")
    return float(values["turngate_turns_running"]), float(values.get("turngate_turns_waiting", "nan"))
