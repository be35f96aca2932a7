"""Visitors who are identified while they are connected to another replica."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.app.running.serve import Running
from gateway.core.events import RowsAdded
from gateway.core.model import SessionId, UserId
from gateway.core.ports.live import session_topic
from tests.integration.identity.visitors import KEY, WEB, identifies, opens, visitor
from tests.world import World

SESSIONS = "/api/chat/sessions"


@pytest.fixture
async def gateway(world: World) -> Running:
    return await world.gateway(web=WEB, secret_key=KEY)


@pytest.fixture
async def other(world: World) -> Running:
    """A replica that rarely refreshes, and learns late."""
    return await world.gateway(web=WEB, secret_key=KEY, data_dir="other", replica={"sweep_s": 60})


async def test_an_open_socket_receives_none_of_the_users_messages(
    world: World, gateway: Running, other: Running
) -> None:
    """FACTS §7.3: from the first message on, before that replica learns who the visitor is."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    socket = await opens(replace(guest, url=other.url))
    path = f"{SESSIONS}/{(await socket.asks('hello', 'k1'))['session_id']}"
    await socket.says(type="watch")
    await identifies(ann, guest.token)
    there = replace(ann, url=other.url)
    await there.posts(f"{path}/messages", 200, text="said there")
    await ann.posts(f"{path}/messages", 200, text="said here")
    first = f"{path}/messages/{path.rpartition('/')[2]}.1"
    assert (await there.calls("PATCH", first, json={"text": "said better"}))[0] == 200
    assert (await there.calls("PATCH", path, json={"title": "said shortly"}))[0] == 200
    assert await socket.closes() == 4401
    told = [frame for frame in socket.heard if "said" in str(frame)]
    assert told == []
    # The sessions it follows are no longer found, unless the pass is seen to have ended first.
    codes = [frame["code"] for frame in socket.heard if frame["type"] == "error"]
    assert codes in (["not_found", "unauthenticated"], ["unauthenticated"])


async def test_late_news_of_the_visitor_does_not_end_the_users_subscriptions(world: World, gateway: Running) -> None:
    """The result of a lookup that was in progress during the identification."""
    ann = await world.person("ann", gateway.url)
    session = SessionId((await ann.posts(SESSIONS, 201))["session_id"])
    socket = await ann.connects()
    await socket.says(type="watch", session_id=session)
    await ann.posts(f"{SESSIONS}/{session}/messages", 200, text="one")
    await socket.hears("message")
    gateway.gateway.engine.bus.publish(session_topic(session), RowsAdded(session, UserId("visitor:x"), 1))
    await ann.posts(f"{SESSIONS}/{session}/messages", 200, text="two")
    while (await socket.hears("message"))["message"]["content"] != "two":
        pass
    assert [frame for frame in socket.heard if frame["type"] == "error"] == []
