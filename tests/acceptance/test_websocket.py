"""The WebSocket end to end: a client, a gateway, a database."""

from __future__ import annotations

import pytest

from tests.world import World, eventually

pytestmark = pytest.mark.acceptance


async def test_a_message_goes_all_the_way(world: World) -> None:
    """C-1, R-3: it is acknowledged and answered in pieces, and both rows exist."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    assert socket.heard[0] | {"type": "ready"} == {
        "type": "ready",
        "session_id": None,
        "user_id": "ann",
        "agent": "assistant",
        "resumed": False,
        "last_seq": 0,
    }
    reply = await socket.asks("hello", "m1")
    kinds = [frame["type"] for frame in socket.heard]
    assert kinds.index("ack") < kinds.index("turn")
    assert kinds.count("delta") >= 2
    assert "".join(frame["text"] for frame in socket.heard if frame["type"] == "delta") == reply["content"]
    rows = await world.rows("SELECT role, content FROM chat_messages ORDER BY seq")
    assert rows == [{"role": "user", "content": "hello"}, {"role": "assistant", "content": reply["content"]}]


async def test_the_row_is_there_before_the_agent_is_called(world: World) -> None:
    """C-1, AC-13: while the agent still waits, the session is listed under its channel."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 30 seconds")
    ack = await socket.hears("ack")
    assert await world.rows("SELECT channel, session_id, user_id, is_active FROM chat_sessions") == [
        {"channel": "web", "session_id": ack["session_id"], "user_id": "ann", "is_active": True}
    ]
    await socket.says(type="cancel", turn_id=ack["turn_id"])
    await socket.hears("turn", status="cancelled")


async def test_the_same_id_twice_is_one_turn(world: World) -> None:
    """A client that did not get an ack sends the message again."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.asks("hello", "m1")
    await socket.says(type="send", id="m1", text="hello")
    ack = await socket.hears("ack", id="m1")
    assert ack["seq"] == 1
    assert len(await world.rows("SELECT 1 FROM turns")) == 1


async def test_a_conversation_continues_after_a_reconnect(world: World) -> None:
    """R-2, AC-8: hello without a session resumes; `after` replays missed rows in order."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    first = await ann.connects()
    await first.asks("my secret word is heron", "m1")
    await first.socket.close()
    second = await ann.connects(after=1)
    assert second.heard[0]["resumed"] is True
    assert second.heard[0]["last_seq"] == 2
    assert (await second.hears("message"))["message"]["seq"] == 2
    reply = await second.asks("what was my last question?", "m2")
    assert "my secret word is heron" in reply["content"]


async def test_a_turn_survives_kill_9(world: World) -> None:
    """Promise 1: its gateway is killed during an answer; after a restart, it is answered once."""
    gateway = await world.process()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 3 seconds")
    ack = await socket.hears("ack")
    await gateway.dies()

    reborn = await world.process()
    ann.url = reborn.url
    again = await ann.connects(session_id=ack["session_id"], after=1)
    reply = await again.hears_reply(ack["turn_id"])
    assert reply["message"]["seq"] == 2
    turns = await world.rows("SELECT status, attempt FROM turns")
    assert turns == [{"status": "completed", "attempt": 2}]
    assert len(await world.rows("SELECT 1 FROM chat_messages")) == 2


async def test_sigterm_ends_within_ten_seconds_and_hands_over(world: World) -> None:
    """The next gateway answers a turn that runs while its gateway stops, without using up an attempt."""
    gateway = await world.process()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 8 seconds")
    ack = await socket.hears("ack")
    assert await gateway.stops() < 10
    assert await socket.closes() == 1012

    ann.url = (await world.process()).url
    again = await ann.connects(session_id=ack["session_id"], after=1)
    await again.hears_reply(ack["turn_id"])
    assert await world.rows("SELECT attempt FROM turns") == [{"attempt": 1}]


async def test_changes_by_another_replica_arrive(world: World) -> None:
    """Promise 3: a follower of a session receives changes within a second, wherever its turns run."""
    here, there = await world.gateway(data_dir="one"), await world.gateway(data_dir="two")
    ann = await world.person("ann", here.url)
    writer = await ann.connects()
    reply = await writer.asks("hello", "m1")
    ann.url = there.url
    reader = await ann.connects(session_id=reply["session_id"])
    await reader.says(type="watch")
    await writer.asks("and again", "m2")
    assert (await reader.hears("message"))["message"]["content"] == "and again"
    assert (await reader.hears("message"))["message"]["role"] == "assistant"

    async def listed() -> bool:
        return any(frame["type"] == "session" for frame in reader.heard)

    if not await listed():
        await reader.hears("session")


async def test_a_cancel_crosses_replicas(world: World) -> None:
    """A flag on the row reaches the replica that runs the turn."""
    here, there = await world.gateway(data_dir="one"), await world.gateway(data_dir="two")
    ann = await world.person("ann", here.url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="wait 60 seconds")
    ack = await socket.hears("ack")
    ann.url = there.url
    await ann.calls("POST", f"/api/turns/{ack['turn_id']}/cancel")
    await socket.hears("turn", status="cancelled")

    async def ended() -> list[dict[str, object]]:
        return await world.rows("SELECT status FROM turns WHERE status = 'cancelled'")

    await eventually(ended)


async def test_an_operator_follows_everybodys_sessions(world: World) -> None:
    """AC-9: `watch` without a session, here and from another replica; users receive nothing about each other."""
    here, there = await world.gateway(data_dir="one"), await world.gateway(data_dir="two")
    operator, bob = await world.person("owner", here.url, "operator"), await world.person("bob", here.url)
    watching, stranger = await operator.connects(), await bob.connects()
    for socket in (watching, stranger):
        await socket.says(type="watch")
        await socket.says(type="ping")
        await socket.hears("pong")
    for user, url in (("ann", here.url), ("eve", there.url)):
        await (await (await world.person(user, url)).connects()).asks("hello", "m1")
        while (await watching.hears("session"))["session"]["user_id"] != user:
            pass
    await stranger.says(type="ping")
    await stranger.hears("pong")
    assert [frame["type"] for frame in stranger.heard] == ["ready", "pong", "pong"]


async def test_new_with_a_text_sent_twice_begins_one_conversation(world: World) -> None:
    """A retry of `/new …` finds the message, and leaves the conversation that it began unchanged."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    socket = await ann.connects()
    first = await socket.asks("hello", "m1")
    begun = await socket.asks("/new something else", "m2")
    assert begun["session_id"] != first["session_id"]
    await socket.says(type="send", id="m2", text="/new something else")
    assert (await socket.hears("ack", id="m2"))["session_id"] == begun["session_id"]
    assert await world.rows("SELECT is_active, message_count FROM chat_sessions ORDER BY created_at") == [
        {"is_active": False, "message_count": 2},
        {"is_active": True, "message_count": 2},
    ]
