"""Notifications between replicas, which find changes by polling if the database does not deliver any."""

from __future__ import annotations

from dataclasses import replace

import pytest_asyncio

from gateway.app.running.serve import Running
from gateway.core.model import SessionId
from gateway.core.ports.live import Changes, Followed
from tests.world import Person, Socket, World, eventually

SELDOM = {"poll_s": 10, "sweep_s": 60, "heartbeat_s": 5, "ttl_s": 60}
"""Everything is looked at each half minute …"""
TOLD_S = 25.0
"""… so what comes before that was told."""
LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'"


async def hears(running: Running) -> None:
    """Waits until the replica receives notifications, and knows that it is not alone."""
    other_replicas = running.gateway.engine.other_replicas

    async def both() -> bool:
        return other_replicas.reachable and other_replicas.present

    await eventually(both)


@pytest_asyncio.fixture
async def pair(world: World) -> tuple[Running, Running]:
    """Two replicas that poll seldom, and notify each other."""
    one, two = [await world.gateway(data_dir=name, replica=SELDOM) for name in ("one", "two")]
    await hears(one)
    await hears(two)
    return one, two


@pytest_asyncio.fixture
async def ann(world: World, pair: tuple[Running, Running]) -> Person:
    """A user at the first one."""
    return await world.person("ann", pair[0].url)


def elsewhere(person: Person, pair: tuple[Running, Running]) -> Person:
    """The same user at the other one."""
    return replace(person, url=pair[1].url)


async def both_follow(ann: Person, pair: tuple[Running, Running]) -> tuple[Socket, Socket]:
    """A socket at each replica in one session; the other has received a turn of the first, so its next full query is far off."""
    here = await ann.connects()
    session = (await here.asks("hello", "k1"))["session_id"]
    there = await elsewhere(ann, pair).connects(session_id=session)
    await there.hears_reply((await here.asks("hello again", "k2"))["turn_id"])
    return here, there


async def test_a_reply_is_notified(ann: Person, pair: tuple[Running, Running]) -> None:
    """The row and the end of the turn reach a socket on another replica long before its next poll."""
    here, there = await both_follow(ann, pair)
    turn = (await here.asks("and again", "k3"))["turn_id"]
    await there.hears_reply(turn)
    ended = {"type": "turn", "turn_id": turn, "status": "completed"}
    while not any(ended.items() <= frame.items() for frame in there.heard):
        await there.hears_next(TOLD_S)


async def test_a_cancel_is_notified(ann: Person, pair: tuple[Running, Running]) -> None:
    """The turn ends long before its agent would, or its replica would poll."""
    here, _ = await both_follow(ann, pair)
    await here.says(type="send", id="k3", text="wait 600 seconds")
    ack = await here.hears("ack")
    await here.hears("turn", turn_id=ack["turn_id"], status="running")
    await elsewhere(ann, pair).posts(f"/api/turns/{ack['turn_id']}/cancel", 202)
    await here.hears("turn", within=TOLD_S, turn_id=ack["turn_id"], status="cancelled")


async def test_a_new_session_is_notified_to_lists(ann: Person, pair: tuple[Running, Running]) -> None:
    """A watcher of the list receives a session that begins on the other replica."""
    _, there = await both_follow(ann, pair)
    await there.says(type="watch")
    session = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    while (await there.hears("session", within=TOLD_S))["session"]["session_id"] != session:
        pass


async def test_changes_missed_without_a_connection_are_read(
    world: World, ann: Person, pair: tuple[Running, Running]
) -> None:
    """Row 43a: the listening connections are cut; new ones are opened, and begin with a query."""
    here, there = await both_follow(ann, pair)
    cut = f"SELECT pg_terminate_backend(pid) FROM ({LISTENING}) AS l"
    assert len(await world.rows(cut)) == len(pair)
    turn = (await here.asks("and again", "k3"))["turn_id"]
    await there.hears_reply(turn)
    for running in pair:
        await hears(running)


async def test_the_end_of_a_command_is_notified(world: World, ann: Person, pair: tuple[Running, Running]) -> None:
    """Running gateways query at once after a command has ended."""
    _, there = await both_follow(ann, pair)
    await world.rows("DELETE FROM chat_sessions")
    await world.rows("SELECT pg_notify('turngate_news', 'command *')")
    await there.hears("session_deleted", within=TOLD_S)


async def test_a_deletion_is_notified_to_lists(world: World, ann: Person, pair: tuple[Running, Running]) -> None:
    """The owner's and an operator's lists on another replica receive it; nobody else's does."""
    gone = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    people = [ann, await world.person("bob", pair[0].url), await world.person("root", pair[0].url, role="operator")]
    lists = [await elsewhere(person, pair).connects() for person in people]
    for socket in lists:
        await socket.says(type="watch")
        await socket.says(type="ping")
        await socket.hears("pong")
    assert (await ann.calls("DELETE", f"/api/chat/sessions/{gone}"))[0] == 204
    for socket in (lists[0], lists[2]):
        assert (await socket.hears("session_deleted", within=TOLD_S))["session_id"] == gone
    await lists[1].says(type="ping")
    await lists[1].hears("pong")
    assert "session_deleted" not in {frame["type"] for frame in lists[1].heard}


async def test_a_replica_does_not_read_its_own_turns_again(ann: Person, pair: tuple[Running, Running]) -> None:
    """It has announced them itself; the other one reads them."""
    session = SessionId((await (await ann.connects()).asks("hello", "k1"))["session_id"])

    async def looked(running: Running) -> Changes:
        feed = running.gateway.stores.feed
        now = (await feed.changes(Followed((), (), everybody=False, since=None, running=()))).position.at
        return await feed.changes(Followed((session,), (), everybody=False, since=now, running=()))

    own, others = [await looked(running) for running in pair]
    assert own.turns == ()
    assert [news.status for news in others.turns] == ["completed"]
    assert [last_seq for _, _, last_seq in own.last_seqs] == [2]
