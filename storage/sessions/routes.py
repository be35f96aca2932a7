"""What the gateway keeps about each route: its current session, the chosen agent, the last list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from gateway.core.model import AgentName, ChannelName, Route, Session, SessionId, UserId
from gateway.errors import NotFound
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import to_session
from storage.senders import require_sender

SQL = load_queries("routes")
NO_SESSION = "There is no such session."


@dataclass(frozen=True, slots=True)
class PostgresRoutes:
    """`Routes` on Postgres."""

    database: Database
    resume_window: timedelta

    async def point(self, user_id: UserId, route: Route, session_id: SessionId, account: str | None = None) -> Session:
        try:
            async with self.database.as_user(user_id) as connection:
                await require_sender(connection, user_id, _channel_of(route), account)
                chat_id: UUID | None = await connection.fetchval(SQL["point"], user_id, route, session_id)
                if chat_id is None:
                    raise NotFound(NO_SESSION)
                row = await fetch_one(connection, SQL["take_up"], chat_id)
        except asyncpg.ForeignKeyViolationError as error:
            # The session was deleted between its lookup and its lock.
            raise NotFound(NO_SESSION) from error
        return to_session(row, running=row["running"])

    async def choose(self, user_id: UserId, route: Route, agent: AgentName, account: str | None = None) -> None:
        async with self.database.as_user(user_id) as connection:
            await require_sender(connection, user_id, _channel_of(route), account)
            await connection.execute(SQL["choose"], user_id, route, agent)

    async def agent_at(self, user_id: UserId, route: Route) -> AgentName | None:
        async with self.database.as_user(user_id) as connection:
            found: str | None = await connection.fetchval(SQL["agent_at"], user_id, route, self.resume_window)
        return None if found is None else AgentName(found)

    async def note_list(
        self, user_id: UserId, route: Route, sessions: Sequence[SessionId], account: str | None = None
    ) -> None:
        async with self.database.as_user(user_id) as connection:
            await require_sender(connection, user_id, _channel_of(route), account)
            await connection.execute(SQL["note_list"], user_id, route, sessions)

    async def listed(self, user_id: UserId, route: Route) -> Sequence[SessionId]:
        async with self.database.as_user(user_id) as connection:
            found: list[str] | None = await connection.fetchval(SQL["listed"], user_id, route)
        return [SessionId(session_id) for session_id in found or ()]


def _channel_of(route: Route) -> ChannelName:
    return ChannelName(route.partition(":")[0])
