"""Followers learn that a session was deleted, and which messages were deleted by nobody."""

from __future__ import annotations

import asyncpg
import pytest

from gateway.app.running.serve import Running
from tests.world import Person, Socket, World


async def beside(ann: Person, gateway: Running) -> Person:
    """The same person at another replica."""
    return Person(ann.user, ann.token, gateway.url, ann.http)


async def news(socket: Socket) -> list[str]:
    """The sessions reported as deleted before the answer to a ping."""
    await socket.says(type="ping")
    await socket.hears("pong")
    return [frame["session_id"] for frame in socket.heard if frame["type"] == "session_deleted"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on another replica"])
async def test_followers_learn_that_a_session_was_deleted(world: World, elsewhere: bool) -> None:
    """Once, and the socket stays open for another hello."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    session_id = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    there = await beside(ann, await world.gateway()) if elsewhere else ann
    inside, watching = await there.connects(session_id=session_id), await there.connects()
    await watching.says(type="watch", session_id=session_id)
    await news(watching)
    assert (await ann.calls("DELETE", f"/api/chat/sessions/{session_id}"))[0] == 204
    for socket in (inside, watching):
        assert (await socket.hears("session_deleted"))["session_id"] == session_id
        assert await news(socket) == [session_id]
    await inside.says(type="send", id="m1", text="hello")
    assert (await inside.hears("error", id="m1"))["code"] == "not_found"
    await inside.says(type="hello", token=ann.token)
    assert (await inside.hears("ready"))["session_id"] is None


async def test_watchers_of_the_list_learn_it_too(world: World) -> None:
    """The owner and operators, once, whether they follow the session or not; nobody else."""
    gateway = await world.gateway()
    people = [await world.person(name, gateway.url) for name in ("ann", "bob")]
    people.append(await world.person("root", gateway.url, role="operator"))
    ann = people[0]
    gone = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    lists = [await person.connects() for person in people]
    for socket in lists:
        await socket.says(type="watch")
    await lists[0].says(type="watch", session_id=gone)
    for socket in lists:
        await news(socket)
    assert (await ann.calls("DELETE", f"/api/chat/sessions/{gone}"))[0] == 204
    assert [await news(socket) for socket in lists] == [[gone], [], [gone]]


async def test_a_deletion_outside_the_gateway_is_noticed(world: World) -> None:
    """Such as by `turngate user erase`: the next check misses the row."""
    ann = await world.person("ann", (await world.gateway()).url)
    session_id = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    socket = await ann.connects(session_id=session_id)
    outsider = await asyncpg.connect(world.database_url)
    await outsider.execute("SET ROLE turngate_system")
    await outsider.execute("DELETE FROM chat_sessions")
    await outsider.close()
    assert (await socket.hears("session_deleted"))["session_id"] == session_id


async def test_deleted_sessions_do_not_count_as_followed(world: World) -> None:
    """A socket follows a hundred existing sessions."""
    ann = await world.person("ann", (await world.gateway()).url)
    socket = await ann.connects()
    for number in range(101):
        session_id = (await ann.posts("/api/chat/sessions", 201))["session_id"]
        await socket.says(type="watch", session_id=session_id)
        assert len(await news(socket)) == min(number, 1)
        if number == 0:
            await ann.calls("DELETE", f"/api/chat/sessions/{session_id}")
    assert [frame for frame in socket.heard if frame["type"] == "error"] == []


async def test_tombstones_tell_withdrawn_from_deleted(world: World) -> None:
    """A regenerated reply was deleted by nobody; a deleted message was deleted by somebody."""
    ann = await world.person("ann", (await world.gateway()).url)
    socket = await ann.connects()
    await socket.asks("one", "m1")
    session_id = socket.heard[-1].get("session_id") or socket.heard[-1]["message"]["session_id"]
    path = f"/api/chat/sessions/{session_id}"
    await ann.posts(f"{path}/regenerate", 200)
    changed = (await socket.hears("message_changed"))["message"]
    assert (changed["seq"], changed["deleted"], changed["taken_back"]) == (2, True, True)
    rows = (await ann.gets(f"{path}/messages"))["messages"]
    assert await ann.calls("DELETE", f"{path}/messages/{rows[0]['id']}")
    rows = (await ann.gets(f"{path}/messages"))["messages"]
    assert [(row["deleted"], row.get("taken_back")) for row in rows] == [(True, None), (True, True), (False, None)]


async def test_a_rollback_withdraws_messages(world: World) -> None:
    """Question and reply, without anybody deleting them."""
    agents = {"assistant": {"kind": "demo", "multitask_strategy": "rollback", "delay_s": 0.05}}
    ann = await world.person("ann", (await world.gateway(agents=agents)).url)
    socket = await ann.connects()
    await socket.says(type="send", id="m1", text="answer in 5000 characters")
    await socket.hears("delta")
    await socket.asks("two", "m2")
    session_id = socket.heard[-1].get("session_id") or socket.heard[-1]["message"]["session_id"]
    rows = (await ann.gets(f"/api/chat/sessions/{session_id}/messages"))["messages"]
    assert [(row["seq"], row.get("taken_back")) for row in rows] == [(1, True), (2, None), (3, True), (4, None)]
