"""Lists are exact at once, although a turn writes none of their indexes: sessions are placed there later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from asyncpg import Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.model import AgentName, ReplicaId, UserId
from gateway.core.ports.live import Followed
from gateway.core.ports.sessions.sessions import SessionFilter
from gateway.core.search.indexing import Indexer
from storage.cursors import from_cursor
from storage.database import Database
from storage.replicas.replicas import PostgresChangeFeed
from storage.sessions.recent_activity import PostgresRecentActivity
from storage.sessions.routes import SQL as ROUTES
from storage.sessions.search import PostgresSearch
from storage.sessions.sessions import PostgresSessions
from storage.sessions.word_index import PostgresWordIndex
from tests.integration.sessions.activity import ACT, BEGIN, MISPLACED, NOW
from tests.integration.turns.plain_turns import heard, living, said
from tests.integration.turns.stores import HELLO, TERMS, Replica, answer, claimed, saying
from tests.world import World, eventually

Owner: TypeAlias = "asyncpg.Connection[Record]"
PEOPLE = (UserId("mia"), UserId("tom"))
WINDOW = timedelta(minutes=15)
ALL = "SELECT *, coalesce(last_message_at, created_at) AS at FROM chat_sessions"
SAY = """
    INSERT INTO chat_messages (chat_id, seq, turn_seq, user_id, role, content, channel) VALUES ($1, 1, 1, 'mia', 'user', 'hello', 'web')
"""
SLOW_SECOND_OF = """
    CREATE OR REPLACE FUNCTION second_of(p_at timestamptz) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(1);
        RETURN date_bin('1 second', p_at, 'epoch');
    END $$
"""
"""It waits while somebody holds a lock. Whoever places a session calls it before locking the session."""
RECENT = "SELECT count(*) FROM recent_activity"
LOOK = "SELECT chats FROM look_for_words($1, clock_timestamp(), '1 hour', NULL, 0)"
"""The sessions with messages to index, without the pass over all sessions."""
ADVANCES = (
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(milliseconds=400),
    timedelta(seconds=1),
    timedelta(minutes=1),
)


@pytest_asyncio.fixture
async def owner(database_url: str) -> AsyncIterator[Owner]:
    """The owner of the database, who sees every row."""
    connection: Owner = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def replica(database: Database) -> Replica:
    """A live replica."""
    return await living(database, "one")


def placing(database: Database, most: int = 500) -> PostgresRecentActivity:
    """Places sessions however recently they were used."""
    return PostgresRecentActivity(database, timedelta(0), most)


@dataclass(frozen=True)
class View:
    """A list, as somebody narrows it."""

    user: UserId | None
    active: bool | None = None

    def shows(self, row: Record) -> bool:
        return self.user in {None, row["user_id"]} and self.active in {None, row["is_active"]}


VIEWS = (View(None), View(PEOPLE[0]), View(PEOPLE[1]), View(PEOPLE[0], active=True), View(None, active=False))


@dataclass
class Lists:
    """Random activity, and pages of lists that are compared with all sessions, sorted. `cursors`: where each list was left."""

    database: Database
    owner: Owner
    at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=1))
    sessions: list[str] = field(default_factory=list)
    cursors: dict[View, str | None] = field(default_factory=dict)

    async def does(self, name: str, number: int, advance: timedelta) -> None:
        self.at += advance
        match name:
            case "begin":
                self.sessions.append(await self.owner.fetchval(BEGIN, PEOPLE[number % 2], self.at))
            case "act" if self.sessions:
                await self.owner.execute(ACT, self._session(number), self.at)
            case "end" if self.sessions:
                await self.owner.execute(
                    "UPDATE chat_sessions SET is_active = NOT is_active WHERE session_id = $1", self._session(number)
                )
            case "place":
                await placing(self.database, 1 + number % 3).place_in_lists()
            case "place one":
                await self.owner.fetchval("SELECT place_in_lists(1, '0 s')")
            case "page":
                await self.pages(VIEWS[number % len(VIEWS)], number)
            case _:
                pass

    def _session(self, number: int) -> str:
        return self.sessions[number % len(self.sessions)]

    async def pages(self, view: View, number: int) -> None:
        """The next page of a list, or its first one again."""
        cursor = self.cursors.get(view)
        limit, offset = 1 + number % 4, 0 if cursor else number % 3
        wanted = SessionFilter(user_id=view.user, active=view.active, limit=limit, offset=offset, cursor=cursor)
        page = await PostgresSessions(self.database, WINDOW).list(wanted)
        matching = await self.sorted(view.shows)
        before, below = from_cursor(cursor)
        rest = [row for row in matching if before is None or (row["at"], row["chat_id"]) < (before, below)][offset:]
        assert [session.session_id for session in page.sessions] == [row["session_id"] for row in rest[:limit]]
        assert (page.next_cursor is not None) == (len(rest) > limit)
        assert page.total == (None if cursor else len(matching))
        self.cursors[view] = page.next_cursor

    async def sorted(self, shows: Callable[[Record], bool]) -> list[Record]:
        """Whatever a list should contain, in order."""
        rows = [row for row in await self.owner.fetch(ALL) if shows(row)]
        return sorted(rows, key=lambda row: (row["at"], row["chat_id"]), reverse=True)


names = st.sampled_from(("begin", "act", "act", "act", "end", "place", "place one", "page", "page", "page"))
deeds = st.tuples(names, st.integers(0, 30), st.sampled_from(ADVANCES))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(deeds, min_size=10, max_size=40))
async def test_every_page_is_exact_whatever_is_placed(
    database: Database, owner: Owner, deeds: list[tuple[str, int, timedelta]]
) -> None:
    """R-1: under any activity, with any cursor, a page is what sorting all sessions gives."""
    await owner.execute("DELETE FROM chat_sessions")
    assert await owner.fetchval(RECENT) == 0
    lists = Lists(database, owner)
    for deed in deeds:
        await lists.does(*deed)
    assert await owner.fetch(MISPLACED) == []
    for view in VIEWS:
        lists.cursors[view] = None
        for number in (0, 4, 8):
            await lists.pages(view, number)


async def test_nothing_is_lost_while_sessions_are_placed_during_turns(
    database: Database, owner: Owner, replica: Replica
) -> None:
    """Two replicas place sessions all the time, and lists stay exact: in each snapshot, a page is what sorting gives."""
    await heard(replica, await said(replica, "k0"))
    done = asyncio.Event()

    async def places() -> None:
        while not done.is_set():
            await placing(database, 2).place_in_lists()

    async def talks() -> None:
        for number in range(25):
            await heard(replica, await said(replica, f"m{number}"))
        done.set()

    async def lists() -> None:
        listed = "SELECT chat_id FROM newest_sessions(NULL, NULL, NULL, NULL, NULL, NULL)"
        while not done.is_set():
            async with owner.transaction(isolation="repeatable_read"):
                found = [row["chat_id"] for row in await owner.fetch(listed)]
                assert found == [row["chat_id"] for row in await owner.fetch(f"{ALL} ORDER BY at DESC, chat_id DESC")]
                assert await owner.fetch(MISPLACED) == []

    await asyncio.gather(places(), places(), talks(), lists())
    await placing(database).place_in_lists()
    assert (await owner.fetchval(RECENT), await owner.fetch(MISPLACED)) == (0, [])


async def test_a_session_in_use_is_left_for_later(database: Database, owner: Owner, replica: Replica) -> None:
    """While a turn runs, while a message holds the session, and for a second after its last activity."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    assert await placing(database).place_in_lists() == 0
    await replica.turns.finish(turn, answer("hi"))
    assert await PostgresRecentActivity(database, timedelta(hours=1)).place_in_lists() == 0
    async with owner.transaction():
        await owner.execute("SELECT FROM chat_sessions FOR UPDATE")
        assert await placing(database).place_in_lists() == 0
    assert await placing(database).place_in_lists() == 1
    assert (await owner.fetchval(RECENT), await owner.fetch(MISPLACED)) == (0, [])


async def test_a_turn_that_begins_while_its_session_is_being_placed_stays_known(
    database: Database, database_url: str, owner: Owner, replica: Replica
) -> None:
    """Whoever places the session has seen it without a turn, and locks it only after the turn began."""
    await replica.turns.finish(claimed(await replica.turns.accept(HELLO, TERMS)), answer("hi"))
    await owner.execute(SLOW_SECOND_OF)
    before: Owner = await asyncpg.connect(database_url)
    await before.execute("SELECT pg_advisory_lock(1)")
    places = asyncio.ensure_future(placing(database).place_in_lists())
    await eventually(
        lambda: owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    )
    turn = claimed(await replica.turns.accept(saying("and then?", "k2"), TERMS))
    await before.close()
    assert await places == 1
    assert await owner.fetchval("SELECT turn_id FROM running_turns") == turn.turn_id
    await replica.turns.finish(turn, answer("hi"))
    assert await owner.fetch(MISPLACED) == []


async def test_a_fork_and_a_resumed_session_are_in_their_places(database: Database, owner: Owner) -> None:
    """Even if their transaction began in an earlier second."""
    old = await owner.fetchval(BEGIN, "mia", NOW)
    async with owner.transaction():
        await eventually(lambda: owner.fetchval("SELECT second_of(clock_timestamp()) > now()"))
        fork = await owner.fetchval("SELECT session_id FROM fork_session($1, NULL, NULL, 'web', 'web:echo', NULL)", old)
        await owner.execute("UPDATE chat_sessions SET last_seq = 1 WHERE session_id = $1", old)
        await owner.execute(SAY, UUID(old))
        again = await owner.fetchval(
            "SELECT session_id FROM fork_session($1, NULL, NULL, 'web', 'web:echo', NULL)", old
        )
        await owner.fetchrow(ROUTES["take_up"], UUID(old))
    assert await owner.fetch(MISPLACED) == []
    assert await _listed(PostgresSessions(database, WINDOW)) == [old, again, fork]


async def test_a_message_that_commits_late_is_listed_at_its_commit(
    database: Database, database_url: str, owner: Owner
) -> None:
    """Its transaction began before other sessions were used and placed."""
    first, second = [await owner.fetchval(BEGIN, "mia", NOW) for _ in range(2)]
    sessions = PostgresSessions(database, WINDOW)
    slow: Owner = await asyncpg.connect(database_url)
    async with slow.transaction():
        await slow.execute(ACT, first, NOW + timedelta(minutes=2))
        await owner.execute(ACT, second, NOW + timedelta(minutes=1))
        assert await placing(database).place_in_lists() == 1
        assert await _listed(sessions) == [second, first]
    await slow.close()
    assert await _listed(sessions) == [first, second]
    assert await placing(database).place_in_lists() == 1
    assert await _listed(sessions) == [first, second]


async def _listed(sessions: PostgresSessions) -> list[str]:
    return [session.session_id for session in (await sessions.list(SessionFilter(user_id=PEOPLE[0]))).sessions]


@pytest.mark.parametrize("remove", ["delete", "erase"])
async def test_a_removed_session_leaves_no_activity(
    database: Database, owner: Owner, replica: Replica, remove: str
) -> None:
    """Whether the whole session is deleted, or its turns first, as an erasure does."""
    turn = claimed(await replica.turns.accept(saying("hello", "k1"), TERMS))
    if remove == "erase":
        await owner.execute("DELETE FROM turns")
        assert await owner.fetchval(f"{RECENT} WHERE turn_id IS NULL") == 1
        assert await owner.fetch(MISPLACED) == []
    await PostgresSessions(database, WINDOW).delete(turn.session_id, turn.user_id)
    assert await owner.fetchval(RECENT) == 0


async def test_the_session_to_resume_is_found_before_it_is_placed(database: Database, owner: Owner) -> None:
    """R-2: the latest by its last activity, and none that was idle for longer than the window."""
    sessions = PostgresSessions(database, WINDOW)
    now = datetime.now(UTC)
    first, second = [await owner.fetchval(BEGIN, "mia", now - timedelta(days=1)) for _ in range(2)]
    for session, ago, latest in ((first, 20, None), (second, 10, second), (first, 5, first), (second, 1, second)):
        await owner.execute(ACT, session, now - timedelta(minutes=ago))
        for _ in range(2):
            found = await sessions.latest(PEOPLE[0], AgentName("echo"))
            assert (found and found.session_id) == latest
            await owner.fetchval("SELECT place_in_lists(1, '0 s')")


async def test_news_contain_an_old_session_that_was_just_used(database: Database, owner: Owner) -> None:
    """Although sixty sessions stand before it in the indexes, for its user and for operators."""
    feed, since = PostgresChangeFeed(database, ReplicaId(uuid4())), datetime.now(UTC)
    old = await owner.fetchval(BEGIN, "mia", since - timedelta(days=2))
    for number in range(60):
        await owner.fetchval(BEGIN, "mia", since - timedelta(days=1, seconds=number))
    await owner.execute("UPDATE chat_sessions SET updated_at = now() - interval '1 day'")
    await owner.execute(ACT, old, since + timedelta(seconds=1))
    for users, everybody in (((PEOPLE[0],), False), ((), True)):
        changes = await feed.changes(Followed((), users, everybody, since, ()))
        assert [session.session_id for session in changes.sessions] == [old]


@pytest.mark.parametrize("placed", [False, True])
async def test_search_finds_words_before_and_after_a_session_is_placed(
    database: Database, owner: Owner, replica: Replica, *, placed: bool
) -> None:
    """The same for words that are indexed by now, and for similar ones, which are sought in the newest sessions."""
    turn = claimed(await replica.turns.accept(saying("a wonderful canary", "k1"), TERMS))
    await owner.execute("UPDATE chat_sessions SET listed_at = '2020-01-01Z'")  # as if it had been idle until then
    await replica.turns.finish(turn, answer("hi"))
    search, index = PostgresSearch(database), PostgresWordIndex(database, replica.id)
    if placed:
        assert await placing(database).place_in_lists() == 1
    for user in (turn.user_id, None):
        for text in ("canary", "wonderfull"):
            page = await search.search(text, SessionFilter(user_id=user))
            assert [found.session.session_id for found in page.sessions] == [turn.session_id]
    assert await owner.fetchval(LOOK, replica.id) == [UUID(turn.session_id)]
    await Indexer(index, 1).work()
    assert await owner.fetchval("SELECT count(*) FROM message_words WHERE chat_id = $1", UUID(turn.session_id)) == 2


async def test_a_gateway_places_sessions_by_itself(world: World) -> None:
    """A few seconds after a turn, nothing is left to place."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await (await ann.connects()).asks("hello", "k1")
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    assert session["message_count"] == 2

    async def placed() -> bool:
        return await world.rows(RECENT) == [{"count": 0}]

    await eventually(placed)
    assert await world.rows(MISPLACED) == []
