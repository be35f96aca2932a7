"""What is looked up in ranges of the sessions by activity is what all of them would have come to."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from gateway.core.model import AgentName, UserId
from gateway.core.ports.sessions import SessionFilter
from storage.database import Database, open_database
from storage.sessions import PostgresSessions
from tests.world import World

USERS = ("mia", "tom")
AGENTS = ("echo", "quiet")
WINDOWS = (timedelta(0), timedelta(minutes=15), timedelta(days=3), timedelta(days=40))
OF_ONE_USER = """
    INSERT INTO chat_sessions (user_id, agent_name, channel, is_active, created_at, last_message_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() - $5::interval, clock_timestamp() - $6::interval) RETURNING chat_id
"""
RUNNING = """
    INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, time_limit, history_turns)
    VALUES ($1, 1, $2, $3, 'web', 'running', '1 minute', 10)
"""
BY_THE_RULE_ALONE = """
    SELECT s.session_id FROM chat_sessions AS s WHERE s.user_id = $1 AND s.agent_name = $2 AND session_resumes(
        s.is_active, coalesce(s.last_message_at, s.created_at),
        EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running'), clock_timestamp(), $3
    )
    ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1
"""
ALL_IN_ORDER = """
    SELECT session_id FROM chat_sessions
    WHERE user_id = $1 AND ($2::boolean IS NULL OR is_active = $2) AND ($3::text IS NULL OR channel = $3)
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
"""


@pytest.fixture
async def outsider(world: World) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else in the database, who sees every row."""
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    """The gateway's pools."""
    database = await open_database(world.database_url)
    yield database
    await database.close()


async def fill(outsider: asyncpg.Connection, seed: int) -> None:
    """Sessions of two users: ended and open, with and without messages, minutes and weeks ago, some with a running turn."""
    dice = random.Random(seed)
    for _ in range(dice.choice([3, 40])):
        user, agent, channel = dice.choice(USERS), dice.choice(AGENTS), dice.choice(["web", "telegram"])
        created = timedelta(minutes=dice.choice([1, 14, 16, 2_000, 50_000]), seconds=dice.randrange(50))
        last = dice.choice([None, created, created / 3])
        active = dice.random() < 0.6
        chat = await outsider.fetchval(OF_ONE_USER, user, agent, channel, active, created, last)
        if dice.random() < 0.2:
            await outsider.execute(RUNNING, chat, user, agent)


@pytest.mark.parametrize("seed", range(6))
async def test_the_session_to_go_on_with_is_the_rules(
    outsider: asyncpg.Connection, database: Database, seed: int
) -> None:
    """R-2: the same as by asking the resume rule about every session."""
    await fill(outsider, seed)
    for window in WINDOWS:
        sessions = PostgresSessions(database, window)
        for user in USERS:
            for agent in AGENTS:
                found = await sessions.latest(UserId(user), AgentName(agent))
                expected = await outsider.fetchval(BY_THE_RULE_ALONE, user, agent, window)
                assert (found and found.session_id) == expected, (window, user, agent)


@pytest.mark.parametrize("active", [None, True, False])
@pytest.mark.parametrize("channel", [None, "web"])
async def test_pages_by_cursor_are_the_whole_list(
    outsider: asyncpg.Connection, database: Database, active: bool | None, channel: str | None
) -> None:
    """Every session of the user's that fits, once, in order."""
    for seed in range(2):
        await fill(outsider, seed)
    sessions = PostgresSessions(database, timedelta(minutes=15))
    expected = [row[0] for row in await outsider.fetch(ALL_IN_ORDER, "mia", active, channel)]
    found: list[str] = []
    cursor = None
    while True:
        wanted = SessionFilter(user_id=UserId("mia"), active=active, channel=channel, limit=3, cursor=cursor)  # type: ignore[arg-type] # a literal
        page = await sessions.list(wanted)
        found += [session.session_id for session in page.sessions]
        if (cursor := page.next_cursor) is None:
            break
    assert found == expected


@pytest.mark.parametrize(
    "call",
    ["own_resumable_session('echo', '1 year')", "own_sessions_behind(null, null, null, null, null, now(), null, 9)"],
)
async def test_nobodys_transaction_finds_nobodys_sessions(
    outsider: asyncpg.Connection, database: Database, call: str
) -> None:
    """AC-10: neither function tells anything to a connection that speaks for no user."""
    await fill(outsider, 1)
    async with database.connection() as connection:
        assert await connection.fetchval(f"SELECT count(id) FROM {call} AS id") == 0
