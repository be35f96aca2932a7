"""Lookups in ranges of recent activity give the same results as a scan of all sessions."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from gateway.core.model import AgentName, ChannelName, UserId
from gateway.core.ports.sessions.sessions import SessionFilter
from storage.database import Database, open_database
from storage.sessions.sessions import SQL, PostgresSessions
from tests.integration.sessions.activity import ACT, NOW
from tests.world import World

USERS = ("mia", "tom")
AGENTS = ("echo", "quiet")
WINDOWS = (timedelta(0), timedelta(minutes=15), timedelta(days=3), timedelta(days=40))
OF_ONE_USER = """
    INSERT INTO chat_sessions (user_id, agent_name, channel, is_active, created_at, last_message_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() - $5::interval, clock_timestamp() - $6::interval) RETURNING chat_id
"""
RUNNING = """
    WITH made AS (
        INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, time_limit, history_turns)
        VALUES ($1, 1, $2, $3, 'web', 'running', '1 minute', 10) RETURNING chat_id, turn_id, user_id
    )
    INSERT INTO running_turns (chat_id, turn_id, user_id) SELECT * FROM made
"""
EARLIER = """
    WITH listed AS (
        UPDATE chat_sessions SET listed_at = listed_at - interval '10 days' WHERE chat_id = $1 RETURNING user_id, chat_id
    )
    INSERT INTO recent_activity (user_id, chat_id) SELECT * FROM listed
"""
"""Its activity of the last ten days is in no index yet."""
BY_THE_RULE_ALONE = """
    SELECT s.session_id FROM chat_sessions AS s WHERE s.user_id = $1 AND s.agent_name = $2 AND session_resumes(
        s.is_active, coalesce(s.last_message_at, s.created_at),
        EXISTS (SELECT FROM turns AS t WHERE t.chat_id = s.chat_id AND t.status = 'running'), clock_timestamp(), $3
    )
    ORDER BY coalesce(s.last_message_at, s.created_at) DESC, s.chat_id DESC LIMIT 1
"""
SAID_AT = """
    INSERT INTO chat_sessions (user_id, agent_name, last_message_at)
    VALUES ('mia', 'echo', timestamptz '2026-01-02 03:04:05Z' + $1 * interval '1 microsecond')
"""
BEHIND = "SELECT coalesce(last_message_at, created_at) - listed_at FROM chat_sessions WHERE session_id = $1"
RECENT = """
    WITH acted AS (
        UPDATE chat_sessions SET last_message_at = last_message_at + interval '1 minute'
        WHERE chat_id IN (SELECT chat_id FROM chat_sessions ORDER BY chat_id LIMIT 30) RETURNING user_id, chat_id
    )
    INSERT INTO recent_activity (user_id, chat_id) SELECT user_id, chat_id FROM acted
"""
"""Activity in thirty sessions that are not in their places in the indexes yet."""
ALL_IN_ORDER = """
    SELECT session_id FROM chat_sessions
    WHERE user_id = $1 AND ($2::boolean IS NULL OR is_active = $2) AND ($3::text IS NULL OR channel = $3)
    ORDER BY coalesce(last_message_at, created_at) DESC, chat_id DESC
"""


@pytest.fixture
async def outsider(world: World) -> AsyncIterator[asyncpg.Connection]:
    """A database connection that sees every row."""
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
    """Sessions of two users: ended and open, with and without messages, minutes and weeks ago, some with a running turn or not placed yet."""
    dice = random.Random(seed)
    for _ in range(dice.choice([3, 40])):
        user, agent, channel = dice.choice(USERS), dice.choice(AGENTS), dice.choice(["web", "telegram"])
        created = timedelta(minutes=dice.choice([1, 14, 16, 2_000, 50_000]), seconds=dice.randrange(50))
        last = dice.choice([None, created, created / 3])
        active = dice.random() < 0.6
        chat = await outsider.fetchval(OF_ONE_USER, user, agent, channel, active, created, last)
        if dice.random() < 0.3:
            await outsider.execute(EARLIER, chat)
        elif dice.random() < 0.2:
            await outsider.execute(RUNNING, chat, user, agent)


async def paged(
    sessions: PostgresSessions, *, limit: int, active: bool | None = None, channel: ChannelName | None = None
) -> list[str]:
    """The whole list, page by page."""
    found: list[str] = []
    cursor = None
    while True:
        wanted = SessionFilter(user_id=UserId("mia"), active=active, channel=channel, limit=limit, cursor=cursor)
        page = await sessions.list(wanted)
        found += [session.session_id for session in page.sessions]
        if (cursor := page.next_cursor) is None:
            return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, from the root."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


@pytest.mark.parametrize("seed", range(6))
async def test_ranges_choose_the_session_that_the_resume_rule_chooses(
    outsider: asyncpg.Connection, database: Database, seed: int
) -> None:
    """R-2: the same session as when the resume rule examines every session."""
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
async def test_pages_by_cursor_add_up_to_the_whole_list(
    outsider: asyncpg.Connection, database: Database, active: bool | None, channel: str | None
) -> None:
    """Every matching session of the user, once and in order."""
    for seed in range(2):
        await fill(outsider, seed)
    sessions = PostgresSessions(database, timedelta(minutes=15))
    expected = [row[0] for row in await outsider.fetch(ALL_IN_ORDER, "mia", active, channel)]
    narrowed = ChannelName(channel) if channel else None
    assert await paged(sessions, limit=3, active=active, channel=narrowed) == expected


async def test_sessions_within_one_second_are_paged_once_and_in_order(
    outsider: asyncpg.Connection, database: Database
) -> None:
    """R-1: even where a page ends within a second, or between sessions of the same microsecond."""
    moments = random.Random(5).choices(range(0, 2_500_000, 500), k=60)
    await outsider.executemany(SAID_AT, [(moment,) for moment in [*moments, *moments[:9]]])
    expected = [row[0] for row in await outsider.fetch(ALL_IN_ORDER, "mia", None, None)]
    for limit in (1, 7, 32, 200):
        assert await paged(PostgresSessions(database, timedelta(minutes=15)), limit=limit) == expected


async def test_a_message_moves_its_session_to_the_top_at_once(outsider: asyncpg.Connection, database: Database) -> None:
    """Read-your-writes: A, B and A again within one second."""
    sessions = PostgresSessions(database, timedelta(minutes=15))
    first, second = [await outsider.fetchval(f"{SAID_AT} RETURNING session_id", moment) for moment in (0, 1)]
    for moment, top in ((2, first), (3, second), (4, first), (999_999, second), (1_000_000, first)):
        await outsider.execute(ACT, top, NOW + timedelta(microseconds=moment))
        assert (await paged(sessions, limit=1))[0] == top


@pytest.mark.parametrize("user", ["mia", None])
@pytest.mark.parametrize("deep", [False, True])
async def test_a_page_reads_a_range_of_the_index(
    outsider: asyncpg.Connection, database: Database, user: str | None, *, deep: bool
) -> None:
    """R-1: at any depth, for a user and for an operator, a page reads its own rows, the rest of one second, and recent activity."""
    await outsider.execute(
        "INSERT INTO chat_sessions (user_id, agent_name, last_message_at)"
        " SELECT 'mia', 'echo', now() - n * interval '200 ms' FROM generate_series(1, 4000) AS n"
    )
    await outsider.execute(RECENT)
    await outsider.execute("ANALYZE chat_sessions, recent_activity")
    place = (datetime.now(UTC) - timedelta(seconds=700), UUID(int=0)) if deep else (None, None)
    async with database.as_user(UserId(user) if user else None) as connection:
        listing = (user, None, None, None, None, None, *place, 51, 0)
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL['list']}", *listing)
    scans = [node for node in nodes(json.loads(found)[0]["Plan"]) if node.get("Relation Name") == "chat_sessions"]
    assert {node["Node Type"] for node in scans} == {"Index Scan"}
    assert sum(map(rows_read, scans)) < 250  # 52, and 25 removed by filters; 30 that are recent; 51 of the page


def rows_read(scan: dict[str, Any]) -> float:
    """How many rows a scan read, in all its loops."""
    return float(scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)))


async def test_lists_are_indexed_by_the_second_of_the_last_activity(outsider: asyncpg.Connection) -> None:
    """From the start, and again whenever a session is placed; in between, its index entry stays as it is."""
    session = await outsider.fetchval(f"{SAID_AT} RETURNING session_id", 999_999)
    assert await outsider.fetchval(BEHIND, session) == timedelta(microseconds=999_999)
    await outsider.execute(ACT, session, NOW + timedelta(microseconds=1_999_999))
    assert await outsider.fetchval(BEHIND, session) == timedelta(microseconds=1_999_999)
    await outsider.fetchval("SELECT place_in_lists(1, '0 s')")
    assert await outsider.fetchval(BEHIND, session) == timedelta(microseconds=999_999)
