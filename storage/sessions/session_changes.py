"""Changes to a session itself."""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Record

from gateway.core.model import Session, SessionId, UserId
from gateway.core.ports.sessions.changes import GivenTitle, SessionUpdate, Titled
from gateway.errors import NotFound
from storage.database import Database
from storage.queries import load_queries
from storage.rows import to_session

SQL = load_queries("session_changes")
SESSIONS = load_queries("sessions")
UNCHANGED = GivenTitle(None, is_users=False)


@dataclass(frozen=True, slots=True)
class PostgresSessionChanges:
    """`SessionChanges` on Postgres."""

    database: Database

    async def change(self, session_id: SessionId, user_id: UserId | None, update: SessionUpdate) -> Session:
        title = update.title or UNCHANGED
        given = (
            update.title is not None,
            title.text,
            title.is_users,
            update.metadata,
            update.is_active,
            title.words_changed_at,
        )
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SESSIONS["hold"], session_id)
            row = _found(await connection.fetchrow(SQL["change"], session_id, *given))
        return to_session(row, running=row["running"])

    async def titled(self, session_id: SessionId, user_id: UserId | None) -> Titled:
        async with self.database.as_user(user_id) as connection:
            row = _found(await connection.fetchrow(SQL["titled"], session_id))
        return Titled(
            to_session(row, running=row["running"]),
            row["title_is_users"],
            row["title_is_agents"],
            row["opening"],
            row["words_changed_at"],
        )

    async def retitle(self, titled: Titled, user_id: UserId | None, title: str, *, by_agent: bool) -> Session | None:
        made = (titled.session.session_id, title, by_agent, titled.words_changed_at)
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SESSIONS["hold"], titled.session.session_id)
            row = await connection.fetchrow(SQL["retitle"], *made)
        return None if row is None else to_session(row, running=row["running"])


def _found(row: Record | None) -> Record:
    if row is None:
        raise NotFound("There is no such session.")
    return row
