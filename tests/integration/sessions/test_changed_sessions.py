"""What a change of a session returns: times that never run backwards, and whether a turn is running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from gateway.core.model import Session, SessionId, UserId
from gateway.core.ports.sessions.changes import SessionUpdate
from storage.database import open_database
from storage.sessions.session_changes import PostgresSessionChanges
from storage.sessions.sessions import PostgresSessions
from tests.integration.turns.plain_turns import WAITING
from tests.world import World, eventually

AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
"""As a clock that was put back since has left it."""
MIAS = (
    "INSERT INTO chat_sessions (user_id, agent_name, updated_at) VALUES ('mia', 'assistant', $1) RETURNING session_id"
)
RUNS = "INSERT INTO running_turns (chat_id, turn_id, user_id) SELECT chat_id, gen_random_uuid(), user_id FROM chat_sessions"
MIA = UserId("mia")


@dataclass(frozen=True, slots=True)
class Stores:
    """Both stores that change sessions."""

    sessions: PostgresSessions
    changes: PostgresSessionChanges


@pytest.fixture
async def stores(world: World) -> AsyncIterator[Stores]:
    """The stores on the world's database."""
    database = await open_database(world.database_url)
    yield Stores(PostgresSessions(database, timedelta(minutes=15)), PostgresSessionChanges(database))
    await database.close()


async def retitles(stores: Stores, session_id: SessionId) -> Session | None:
    return await stores.changes.retitle(await stores.changes.titled(session_id, MIA), MIA, "b", by_agent=False)


Change = Callable[[Stores, SessionId], Awaitable[Session | None]]
CHANGES: dict[str, Change] = {
    "rename": lambda stores, session_id: stores.sessions.rename(session_id, MIA, "b"),
    "end": lambda stores, session_id: stores.sessions.set_active(session_id, MIA, active=False),
    "open again": lambda stores, session_id: stores.sessions.set_active(session_id, MIA, active=True),
    "change": lambda stores, session_id: stores.changes.change(session_id, MIA, SessionUpdate(is_active=False)),
    "retitle": retitles,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_returns_its_time_and_whether_a_turn_runs(world: World, stores: Stores, change: str) -> None:
    """Later than any earlier time, and running exactly while a turn runs."""
    [row] = await world.rows(MIAS, AHEAD)
    session_id = SessionId(row["session_id"])
    idle = await CHANGES[change](stores, session_id)
    await world.rows(RUNS)
    answering = await CHANGES[change](stores, session_id)
    assert idle is not None
    assert answering is not None
    assert AHEAD < idle.updated_at < answering.updated_at
    assert (idle.running, answering.running) == (False, True)
    assert answering.ended_at is None or answering.ended_at >= AHEAD


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_that_waited_for_a_turn_reports_it_as_running(world: World, stores: Stores, change: str) -> None:
    """Even though its statement began before the turn did."""
    [row] = await world.rows(MIAS, AHEAD)
    begins = await asyncpg.connect(world.database_url)
    async with begins.transaction():
        await begins.execute("SELECT FROM chat_sessions FOR UPDATE")
        changing = asyncio.ensure_future(CHANGES[change](stores, SessionId(row["session_id"])))
        await eventually(lambda: world.rows(WAITING))
        await begins.execute(RUNS)
    await begins.close()
    changed = await changing
    assert changed is not None
    assert changed.running
