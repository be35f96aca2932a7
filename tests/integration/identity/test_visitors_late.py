"""Messages in transit while their visitor is identified: every acknowledged one belongs to the user."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from gateway.app.running.serve import Running
from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB as WEB_CHANNEL
from gateway.core.model import AgentName, Route, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.sessions.editing import ForkPoint
from gateway.core.ports.sessions.sessions import NewSession
from gateway.errors import Unauthenticated
from tests.integration.identity.visitors import KEY, ORIGIN, WEB, identifies, opens, visitor
from tests.integration.lock_waits import waiting
from tests.world import Person, Process, World, eventually

OWNERS = """
    SELECT user_id FROM chat_sessions UNION SELECT user_id FROM chat_messages UNION SELECT user_id FROM turns
    UNION SELECT user_id FROM routes WHERE chat_id IS NOT NULL
"""


@pytest.fixture
async def gateway(world: World) -> Running:
    return await world.gateway(web=WEB, secret_key=KEY)


async def all_is(world: World, user: str) -> None:
    """Waits until all messages belong to the user."""

    async def owned() -> bool:
        return [row["user_id"] for row in await world.rows(OWNERS)] == [user]

    await eventually(owned, within=12)


async def texts_of(person: Person) -> set[str]:
    """The user's messages, in all sessions."""
    said: set[str] = set()
    for session in (await person.gets("/api/chat/sessions"))["sessions"]:
        page = await person.gets(f"/api/chat/sessions/{session['session_id']}/messages")
        said |= {message["content"] for message in page["messages"] if message["role"] == "user"}
    return said


async def test_a_message_that_waited_for_the_identification(world: World, gateway: Running) -> None:
    """Its transaction waited for the identifying one: it is the user's, and the visitor's socket gets no reply."""
    other = await world.gateway(web=WEB, secret_key=KEY, data_dir="other")
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    socket = await opens(replace(guest, url=other.url))
    await socket.asks("in time", "k1")
    outsider = await asyncpg.connect(world.database_url)
    held = outsider.transaction()
    await held.start()
    await outsider.execute("SELECT FROM routes WHERE user_id = $1 FOR UPDATE", guest.user)
    identifying = asyncio.create_task(identifies(ann, guest.token))
    await waiting(world, 1)
    await socket.says(type="send", id="k2", text="late")
    await waiting(world, 2)
    await held.rollback()
    await outsider.close()
    assert await identifying == (200, {"sessions": 1})
    late = (await socket.hears("ack", id="k2"))["session_id"]
    await all_is(world, "ann")
    assert await texts_of(ann) == {"in time", "late"}
    assert await socket.closes() == 4401
    assert [frame["type"] for frame in socket.heard if frame.get("session_id") == late] == ["ack"]


async def is_trusted(world: World, gateway: Running, process: Process, ann: Person) -> bool:
    """Whether a replica that has not learnt of the identification still answers the visitor."""
    guest = await visitor(world, gateway.url)
    socket = await opens(replace(guest, url=process.url))
    assert (await identifies(ann, guest.token))[0] == 200
    await socket.says(type="send", id="k1", text="wait 1 seconds")
    while (frame := await socket.hears_next())["type"] not in {"ack", "error"}:
        pass
    return bool(frame["type"] == "ack")


async def test_a_message_to_a_replica_that_dies_afterwards(world: World, gateway: Running) -> None:
    """It trusts the old pass, acknowledges and is killed; the others answer, and the user has the message."""
    process = await world.process(
        TURNGATE_WEB__ANONYMOUS="true",
        TURNGATE_WEB__ALLOWED_ORIGINS='["https://shop.example"]',
        TURNGATE_SECRET_KEY=KEY,
        # It rarely refreshes, and learns of it late.
        TURNGATE_REPLICA__SWEEP_S="60",
    )
    ann = await world.person("ann", gateway.url)
    while not await is_trusted(world, gateway, process, ann):
        pass  # it had just looked
    await process.dies()
    await all_is(world, "ann")
    assert await texts_of(ann) == {"wait 1 seconds"}
    # An earlier visitor may have had a message stored and no acknowledgement, since the pass ended in between.

    async def answered() -> bool:
        turns = await world.rows("SELECT DISTINCT status, user_id FROM turns")
        return turns == [{"status": "completed", "user_id": "ann"}]

    await eventually(answered, within=12)


async def erased(world: World, gateway: Running) -> Person:
    """A visitor whose user was erased."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    await (await opens(guest)).asks("hello", "k1")
    assert (await identifies(ann, guest.token))[0] == 200
    assert (await ann.calls("DELETE", "/api/me?confirm=ann"))[0] == 204
    return guest


async def test_the_pass_stays_invalid_when_the_user_is_erased(world: World, gateway: Running) -> None:
    """On every replica; it starts no new visitor, and nobody can claim it."""
    guest = await erased(world, gateway)
    other = await world.gateway(web=WEB, secret_key=KEY, data_dir="other")
    for url in (gateway.url, other.url):
        assert (await replace(guest, url=url).calls("GET", "/api/me", headers=ORIGIN))[0] == 401
    assert (await identifies(await world.person("eve", gateway.url), guest.token))[0] == 409
    [kept] = await world.rows("SELECT * FROM identified_visitors")
    assert (kept["visitor_id"], kept["user_id"], kept["sessions"]) == (guest.user, None, 0)


async def test_a_late_message_for_an_erased_user_is_not_stored(world: World, gateway: Running) -> None:
    """Sent to a replica that has not learnt yet; no conversation without an owner stays behind."""
    guest = await erased(world, gateway)
    stores = gateway.gateway.stores
    begun = NewSession(UserId(guest.user), WEB_CHANNEL, AgentName("assistant"), Route("web:assistant"), None)
    for act in (
        stores.turns.accept(late_from(guest), TurnTerms()),
        stores.sessions.create(begun),
        stores.routes.choose(begun.user_id, begun.route, begun.agent),
    ):
        with pytest.raises(Unauthenticated):
            await act
    assert await world.rows("SELECT user_id FROM chat_sessions UNION ALL SELECT user_id FROM routes") == []


def late_from(guest: Person) -> InboundMessage:
    """A visitor's message to a replica that still treats them as one."""
    return InboundMessage(UserId(guest.user), WEB_CHANNEL, AgentName("assistant"), "late", "k2", Route("web:assistant"))


async def test_a_late_message_gets_a_session_of_its_own(world: World, gateway: Running) -> None:
    """It is the user's at once, and sees none of the user's conversations; a repetition is a duplicate."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    await (await ann.connects()).asks("mine", "k1")
    assert (await identifies(ann, guest.token))[0] == 200
    late, again = [await gateway.gateway.stores.turns.accept(late_from(guest), TurnTerms()) for _ in range(2)]
    assert late.session is not None
    assert late.turn is not None
    assert (late.status, again.status) == ("accepted", "duplicate")
    assert (late.session.user_id, late.turn.user_id, list(late.turn.history)) == ("ann", "ann", [])
    assert (await ann.connects()).heard[0]["session_id"] != late.session.session_id


async def test_an_identification_waits_for_a_new_route(world: World, gateway: Running) -> None:
    """A route created after the visitor's routes were locked would stay behind."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    outsider = await asyncpg.connect(world.database_url)
    async with outsider.transaction():
        await outsider.execute("SET ROLE turngate_system")
        await outsider.execute("SELECT sender_of($1, NULL, NULL)", guest.user)
        await outsider.execute(
            "INSERT INTO chat_sessions (user_id, agent_name) VALUES ($1, 'assistant')",
            guest.user,
        )
        identifying = asyncio.create_task(identifies(ann, guest.token))
        await waiting(world, 1)
    await outsider.close()
    assert await identifying == (200, {"sessions": 1})
    await all_is(world, "ann")


async def test_an_operators_fork_waits_for_the_identification(world: World, gateway: Running) -> None:
    """A copy of a visitor's conversation goes to the user; otherwise its owner would be a name without a login."""
    guest, ann = await visitor(world, gateway.url), await world.person("ann", gateway.url)
    await (await opens(guest)).asks("hello", "k1")
    [session] = await world.rows("SELECT session_id FROM chat_sessions")
    outsider = await asyncpg.connect(world.database_url)
    async with outsider.transaction():
        await outsider.execute("SELECT FROM routes WHERE user_id = $1 FOR UPDATE", guest.user)
        identifying = asyncio.create_task(identifies(ann, guest.token))
        await waiting(world, 1)
        point = ForkPoint(session["session_id"], None, None, WEB_CHANNEL, Route("web:elsewhere"))
        forking = asyncio.create_task(gateway.gateway.stores.edits.fork(point, None))
        await waiting(world, 2)
    await outsider.close()
    assert await identifying == (200, {"sessions": 1})
    assert (await forking).session.user_id == "ann"
    await all_is(world, "ann")


async def test_an_erased_users_visitor_is_forgotten_after_its_pass(world: World, gateway: Running) -> None:
    """A pass lasts 30 days; until then the visitor is remembered."""
    await erased(world, gateway)
    visitors = gateway.gateway.stores.visitors
    left: list[list[Any]] = []
    for days in (30, 32):
        then = datetime.now(UTC) - timedelta(days=days)
        await world.rows("UPDATE identified_visitors SET identified_at = $1 RETURNING 1", then)
        await visitors.forget_erased()
        left.append(await world.rows("SELECT 1 FROM identified_visitors"))
    assert [len(rows) for rows in left] == [1, 0]
