"""A client that joins a session receives what is open, its text so far, and later events; nothing that ended before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.integration.agents.halting import FIRST, SECOND
from tests.integration.ai_sdk.ui_streams import streaming_from
from tests.world import Person, Socket, World

WHOLE = "".join(FIRST) + SECOND
HALTING = {"assistant": {"kind": "python", "target": "tests.integration.agents.halting:halting"}}


async def gateway(world: World, name: str) -> Running:
    """A replica."""
    return await world.gateway(data_dir=name, agents=HALTING, secret_key="of-all-replicas-together-32-bytes")


@pytest_asyncio.fixture
async def ann(world: World) -> Person:
    """A user at the replica where the turns run."""
    return await world.person("ann", (await gateway(world, "one")).url)


async def elsewhere(world: World, ann: Person) -> Person:
    """The same user at another replica."""
    return Person(ann.user, ann.token, (await gateway(world, "two")).url, ann.http)


async def begun(ann: Person, go_on: Path) -> tuple[Socket, dict[str, Any]]:
    """A socket whose answer is half written, and its ack."""
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text=str(go_on))
    ack = await socket.hears("ack")
    for piece in FIRST:
        await socket.hears("delta", text=piece)
    return socket, ack


def texts(socket: Socket, turn_id: str) -> list[str]:
    """The deltas of a turn."""
    return [frame["text"] for frame in socket.heard if frame["type"] == "delta" and frame["turn_id"] == turn_id]


# News -----------------------------------------------------------------------------------------------------------------


async def test_ended_turns_are_not_announced(world: World, tmp_path: Path, ann: Person) -> None:
    """Neither on a replica that has just started nor on one without followers for a while."""
    done = tmp_path / "done"
    done.touch()
    first = await ann.connects()
    session = (await first.asks(str(done), "k1"))["session_id"]
    other = await elsewhere(world, ann)
    for key in ("k2", "k3"):
        joined = await other.connects(session_id=session)
        turn = (await first.asks(str(done), key))["turn_id"]
        await joined.hears("turn", turn_id=turn, status="completed")
        assert {frame["turn_id"] for frame in joined.heard if frame["type"] == "turn"} == {turn}
        await joined.socket.close()
        await first.asks(str(done), f"{key} while nobody follows")


# What was said so far -------------------------------------------------------------------------------------------------


async def says_hello(ann: Person, session: str, _go_on: Path) -> Socket:
    return await ann.connects(session_id=session)


async def watches(ann: Person, session: str, _go_on: Path) -> Socket:
    socket = await ann.connects(channel="terminal")
    await socket.says(type="watch", session_id=session)
    return socket


async def sends_again(ann: Person, _session: str, go_on: Path) -> Socket:
    socket = await ann.connects(channel="terminal")
    await socket.says(type="send", id="k1", text=str(go_on), session_id=_session)
    return socket


Joins = Callable[[Person, str, Path], Awaitable[Socket]]
WAYS = pytest.mark.parametrize("joins", [says_hello, watches, sends_again], ids=lambda way: way.__name__)


@WAYS
async def test_joining_during_an_answer_sends_its_text_so_far(tmp_path: Path, ann: Person, joins: Joins) -> None:
    """As one delta, then the rest; nothing twice."""
    go_on = tmp_path / "go-on"
    _, ack = await begun(ann, go_on)
    socket = await joins(ann, ack["session_id"], go_on)
    await socket.hears("turn", turn_id=ack["turn_id"], status="running", attempt=1)
    await socket.hears("delta", turn_id=ack["turn_id"], attempt=1, text="".join(FIRST))
    go_on.touch()
    assert (await socket.hears_reply(ack["turn_id"]))["message"]["content"] == WHOLE
    assert texts(socket, ack["turn_id"]) == ["".join(FIRST), SECOND]


@WAYS
async def test_joining_at_another_replica_announces_that_the_text_comes_with_the_row(
    world: World, tmp_path: Path, ann: Person, joins: Joins
) -> None:
    """No partial text is shown."""
    go_on = tmp_path / "go-on"
    _, ack = await begun(ann, go_on)
    socket = await joins(await elsewhere(world, ann), ack["session_id"], go_on)
    assert (await socket.hears("turn", turn_id=ack["turn_id"], status="running"))["live"] is False
    go_on.touch()
    assert (await socket.hears_reply(ack["turn_id"]))["message"]["content"] == WHOLE
    assert texts(socket, ack["turn_id"]) == []


async def test_a_second_hello_sends_the_text_again(tmp_path: Path, ann: Person) -> None:
    """After `ready` a client has discarded what it received, even of a session it also watches."""
    go_on = tmp_path / "go-on"
    _, ack = await begun(ann, go_on)
    socket = await watches(ann, ack["session_id"], go_on)
    await socket.hears("delta", text="".join(FIRST))
    await socket.says(type="hello", token=ann.token, session_id=ack["session_id"])
    await socket.hears("ready")
    await socket.hears("delta", text="".join(FIRST))
    go_on.touch()
    await socket.hears_reply(ack["turn_id"])
    assert texts(socket, ack["turn_id"]) == ["".join(FIRST), "".join(FIRST), SECOND]


@pytest.mark.parametrize("here", [True, False], ids=["here", "elsewhere"])
async def test_a_stream_that_joins_shows_all_of_the_answer_once(
    world: World, tmp_path: Path, ann: Person, here: bool
) -> None:
    """Where the turn runs it begins with the text so far; elsewhere the text comes with the row."""
    go_on = tmp_path / "go-on"
    _, ack = await begun(ann, go_on)
    person = ann if here else await elsewhere(world, ann)
    async with streaming_from(person, f"/api/chat/{ack['session_id']}/stream") as stream:
        turn = (await stream.hears("data-turn"))["data"]
        assert (turn["status"], turn.get("live")) == ("running", None if here else False)
        if here:
            await stream.hears("text-delta")
        go_on.touch()
        chunks = await stream.ends()
    shown = [chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta"]
    assert shown == (["".join(FIRST), SECOND] if here else [WHOLE])
