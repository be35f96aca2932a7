"""A group that becomes a supergroup keeps all of its data, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from channels.telegram.name import TELEGRAM
from channels.telegram.target import Target
from gateway.core.inbound import InboundMessage
from gateway.core.model import AgentName, ReplicaId, UserId
from gateway.core.outbound import Chunk, Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.schedules import IntervalTrigger, NewSchedule
from gateway.core.ports.turns import Acceptance
from gateway.errors import StoreUnavailable
from storage.database import Database, open_database
from storage.schedules import PostgresSchedules
from storage.sessions.sessions import PostgresSessions
from storage.turns.moves import PostgresMoves
from storage.turns.turns import PostgresTurns
from storage.users.erasure import PostgresErasure
from tests.integration.telegram.driver import execute

OLD, NEW, ALIKE = Target(777, -77), Target(777, -1_000_000_000_123), Target(777, -770)
WINDOW = timedelta(minutes=15)


class Group:
    """The people of a group and the group's rows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.moves = PostgresMoves(database)
        self.turns = PostgresTurns(database, ReplicaId(uuid4()), WINDOW)
        self.sessions = PostgresSessions(database, WINDOW)
        self.schedules = PostgresSchedules(database, self.turns)

    async def says(self, text: str, place: Target = OLD, user: str = "ann") -> Acceptance:
        """Sends a message whose text is its key."""
        key, to = f"{place}:{text}", (place.address,)
        message = InboundMessage(UserId(user), TELEGRAM, AgentName("assistant"), text, key, place.route, deliver_to=to)
        return await self.turns.accept(message, TurnTerms())

    async def plans(self, prompt: str) -> None:
        """Adds a schedule whose replies go to the group."""
        every, soon = IntervalTrigger(60), datetime.now(UTC) + timedelta(hours=1)
        agent, to = AgentName("assistant"), (OLD.address,)
        await self.schedules.create(NewSchedule(UserId("ann"), "plan", agent, prompt, every, "UTC", to, True, soon))

    async def moves_to_new(self) -> None:
        await self.moves.move(OLD.chat, NEW.chat)

    async def current(self, place: Target, user: str = "ann") -> str | None:
        """The session for a message at that address."""
        session = await self.sessions.current(UserId(user), place.route)
        return None if session is None else session.session_id

    async def places(self, query: str) -> list[str]:
        """One column, across all users."""
        async with self.database.all_users() as connection:
            return [row[0] for row in await connection.fetch(query)]


@pytest.fixture
async def group(database_url: str) -> AsyncIterator[Group]:
    database = await open_database(database_url)
    yield Group(database)
    await database.close()


def session_of(accepted: Acceptance) -> str:
    assert accepted.session is not None
    return accepted.session.session_id


async def test_every_users_session_continues_under_the_new_id(group: Group) -> None:
    """Row 27: the key is renamed, the history is the same."""
    anns, bobs = [session_of(await group.says("hello", user=user)) for user in ("ann", "bob")]
    await group.moves_to_new()
    assert [await group.current(NEW, user) for user in ("ann", "bob")] == [anns, bobs]
    assert await group.current(OLD) is None
    again = await group.says("and on", NEW)
    assert session_of(again) == anns
    assert again.message is not None
    assert again.message.seq == 2


async def test_open_work_moves_to_the_new_id(group: Group) -> None:
    """Row 27: waiting and running turns, waiting chunks, and schedules."""
    first = (await group.says("one")).turn
    await group.says("two")
    assert first is not None
    await group.turns.finish(first, Reply("completed", "1", (), chunks=((OLD.address, Chunk("1")),)))
    await group.says("three")
    await group.plans("water the plants")
    await group.moves_to_new()
    assert await group.places("SELECT address FROM outbox") == [NEW.address]
    assert await group.places("SELECT unnest(deliver_to) FROM schedules") == [NEW.address]
    open_turns = "SELECT unnest(deliver_to) FROM turns WHERE status IN ('queued', 'running')"
    assert await group.places(open_turns) == [NEW.address] * 2


async def test_a_session_begun_under_the_new_id_stays_current(group: Group) -> None:
    """Row 27: the one with the latest message; the other one is kept with its history."""
    older = session_of(await group.says("before"))
    newer = session_of(await group.says("after", NEW))
    await group.moves_to_new()
    assert await group.current(NEW) == newer
    routes = "SELECT DISTINCT route FROM chat_sessions"
    assert await group.places(routes) == [NEW.route]
    assert sorted(await group.places("SELECT session_id FROM chat_sessions")) == sorted([older, newer])


async def test_a_move_may_be_repeated(group: Group) -> None:
    """Row 27: both service messages report it, either may come twice, and a refused chunk reports it, too."""
    session = session_of(await group.says("hello"))
    await asyncio.gather(*(group.moves_to_new() for _ in range(3)))
    await group.moves_to_new()
    assert await group.current(NEW) == session
    assert await group.places("SELECT route FROM routes") == [NEW.route]


async def test_a_group_moves_while_a_member_is_erased(group: Group) -> None:
    """Row 27a: the others continue under the new id; nothing new is stored for the erased user."""
    anns = session_of(await group.says("hello"))
    await group.says("hello", user="bob")
    await PostgresErasure(group.database).begin(UserId("bob"))
    await group.moves_to_new()
    assert await group.current(NEW) == anns
    assert await group.places("SELECT user_id FROM routes") == ["ann"]


async def test_a_failed_move_changes_nothing(group: Group, database_url: str) -> None:
    """Row 27: all or nothing, so that it can be retried as a whole."""
    session = session_of(await group.says("hello"))
    await execute(database_url, "ALTER TABLE schedules RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await group.moves_to_new()
    assert await group.current(OLD) == session
    assert await group.places("SELECT unnest(deliver_to) FROM turns") == [OLD.address]


async def test_other_chats_are_unaffected(group: Group) -> None:
    """Row 27: even one whose id has the same beginning."""
    theirs = session_of(await group.says("hello", ALIKE))
    await group.moves_to_new()
    assert await group.current(ALIKE) == theirs


async def test_a_message_redelivered_from_the_old_id_is_a_duplicate(group: Group) -> None:
    """Row 27: Telegram may deliver it again after the move."""
    first = await group.says("hello")
    await group.moves_to_new()
    again = await group.says("hello")
    assert again.status == "duplicate"
    assert again.message == first.message


async def test_concurrent_messages_and_moves_never_deadlock(group: Group) -> None:
    """Row 27: locks are taken in one order, so everything is stored, each once."""

    async def talks(user: str, place: Target) -> None:
        for number in range(10):
            accepted = await group.says(f"{number}", place, user)
            if accepted.turn is not None:
                await group.turns.finish(accepted.turn, Reply("completed", "ok", ()))

    people = [talks(user, place) for user in ("ann", "bob") for place in (OLD, NEW)]
    await asyncio.gather(*people, *(group.moves_to_new() for _ in range(5)))
    await group.moves_to_new()
    assert len(await group.places("SELECT seq FROM chat_messages WHERE role = 'user'")) == 40
    assert await group.places("SELECT DISTINCT route FROM chat_sessions") == [NEW.route]
