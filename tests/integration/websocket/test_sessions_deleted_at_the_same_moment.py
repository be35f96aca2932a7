"""Operations on a session that is being deleted at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from gateway.core.model import Route, SessionId, UserId
from gateway.errors import NotFound
from storage.database import Database
from storage.sessions.external_keys import PostgresExternalKeys
from storage.sessions.routes import PostgresRoutes
from storage.sessions.sessions import PostgresSessions
from tests.world import World, eventually

ANN = UserId("ann")
WINDOW = timedelta(minutes=15)
LOW, HIGH = UUID(int=1), UUID(int=2)
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def outsider(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Another connection's transaction."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE turngate_system")
    yield connection
    await connection.close()


async def session(outsider: asyncpg.Connection, chat_id: UUID, parent: UUID | None = None) -> SessionId:
    """A session of ann's."""
    await outsider.execute(
        "INSERT INTO chat_sessions (chat_id, user_id, agent_name, parent_session_id) VALUES ($1, 'ann', 'assistant', $2)",
        chat_id,
        None if parent is None else str(parent),
    )
    return SessionId(str(chat_id))


async def lost_race(world: World, outsider: asyncpg.Connection, deed: Callable[[], Awaitable[object]]) -> None:
    """Runs the operation during the deletion, and raises its error."""
    async with outsider.transaction():
        await outsider.execute("DELETE FROM chat_sessions")
        doing = asyncio.ensure_future(deed())
        await eventually(lambda: world.rows(WAITING), within=5)
    await doing


async def test_a_route_cannot_resume_it(world: World, database: Database, outsider: asyncpg.Connection) -> None:
    """`/resume` of a session just deleted: not found."""
    gone = await session(outsider, LOW)
    routes = PostgresRoutes(database, WINDOW)
    with pytest.raises(NotFound, match="no such session"):
        await lost_race(world, outsider, lambda: routes.point(ANN, Route("web:assistant"), gone))


async def test_it_gets_no_external_id(world: World, database: Database, outsider: asyncpg.Connection) -> None:
    """The key of another system: not found."""
    gone = await session(outsider, LOW)
    keys = PostgresExternalKeys(database)
    with pytest.raises(NotFound, match="no such session"):
        await lost_race(world, outsider, lambda: keys.point(ANN, "chat-1", gone))


@pytest.mark.parametrize(("parent", "fork"), [(LOW, HIGH), (HIGH, LOW)])
async def test_a_parent_and_its_forks_are_locked_in_one_order(
    parent: UUID, fork: UUID, world: World, database: Database, outsider: asyncpg.Connection
) -> None:
    """By their keys, like every lock on many sessions, so there is no deadlock."""
    gone, left = await session(outsider, parent), await session(outsider, fork, parent)
    sessions = PostgresSessions(database, WINDOW)
    lock = "SELECT FROM chat_sessions WHERE chat_id = $1 FOR UPDATE"
    async with outsider.transaction():
        await outsider.execute(lock, LOW)
        deleting = asyncio.ensure_future(sessions.delete(gone, ANN))
        await eventually(lambda: world.rows(WAITING), within=5)
        await outsider.execute("SET LOCAL lock_timeout = '500ms'")
        await outsider.execute(lock, HIGH)
    await deleting
    assert (await sessions.get(left, ANN)).parent_session_id is None
