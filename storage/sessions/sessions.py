"""Reads and changes of sessions and their transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from gateway.core.inbound import InboundMessage
from gateway.core.model import AgentName, Message, MessageId, Route, Session, SessionId, TurnId, UserId
from gateway.core.ports.sessions.sessions import (
    Deleted,
    MessagePage,
    NewSession,
    OpenTurn,
    SessionFilter,
    SessionPage,
    TurnOutcome,
)
from gateway.errors import InvalidInput, NotFound
from storage.connections import PooledConnection
from storage.cursors import from_cursor, to_cursor
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import message_id, seq_of, to_message, to_session, to_usage
from storage.senders import require_sender

SQL = load_queries("sessions")
EDITING = load_queries("editing")
BEFORE_EVERYTHING = 2**62
MOST_COUNTED = 5_000
"""Of all users' sessions: those with the latest activity."""
FEW = 1_000
"""If at most this many sessions have the same metadata, they are read directly. A larger set is read by activity and soon fills a page."""


@dataclass(frozen=True, slots=True)
class PostgresSessions:
    """`SessionStore` on Postgres."""

    database: Database
    resume_window: timedelta

    async def list(self, wanted: SessionFilter) -> SessionPage:
        if wanted.cursor is not None and wanted.offset:
            raise InvalidInput("cursor and offset cannot be used together.")
        before, below = from_cursor(wanted.cursor)
        narrowed = (wanted.user_id, wanted.channel, wanted.agent, wanted.active, *metadata_columns(wanted))
        async with self.database.as_user(wanted.user_id) as connection:
            few = await _few(connection, wanted)
            among = (few, *narrowed[1:4], "stateless" in dict(wanted.metadata))
            if few is not None:
                rows = await connection.fetch(SQL["list_among"], *among, before, below, wanted.limit + 1, wanted.offset)
            else:
                rows = await connection.fetch(SQL["list"], *narrowed, before, below, wanted.limit + 1, wanted.offset)
            total: int | None = None
            is_exact: bool | None = None
            if wanted.cursor is None and few is not None:
                total, is_exact = await connection.fetchval(SQL["count_among"], *among), True
            elif wanted.cursor is None:
                total, is_exact = await _counted(connection, wanted, narrowed, len(rows))
        page = rows[: wanted.limit]
        return SessionPage(
            sessions=tuple(to_session(row, running=row["running"]) for row in page),
            total=total,
            total_is_exact=is_exact,
            next_cursor=_behind(page[-1]) if len(rows) > wanted.limit else None,
        )

    async def get(self, session_id: SessionId, user_id: UserId | None) -> Session:
        async with self.database.as_user(user_id) as connection:
            return _found(await connection.fetchrow(SQL["get"], session_id))

    async def resumable(self, user_id: UserId, route: Route) -> Session | None:
        row = await self._current(user_id, route)
        return None if row is None or not row["resumes"] else to_session(row, running=row["running"])

    async def current(self, user_id: UserId, route: Route) -> Session | None:
        row = await self._current(user_id, route)
        return None if row is None else to_session(row, running=row["running"])

    async def _current(self, user_id: UserId, route: Route) -> Record | None:
        async with self.database.as_user(user_id) as connection:
            return await connection.fetchrow(SQL["current"], user_id, route, self.resume_window)

    async def latest(self, user_id: UserId, agent: AgentName) -> Session | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["latest"], user_id, agent, self.resume_window)
        return None if row is None else to_session(row, running=row["running"])

    async def create(self, new: NewSession) -> Session:
        async with self.database.as_user(new.user_id) as connection:
            await require_sender(connection, new.user_id)
            row = await fetch_one(
                connection, SQL["create"], new.user_id, new.channel, new.agent, new.route, new.title, new.metadata or {}
            )
            await connection.execute(SQL["point"], new.user_id, new.route, row["chat_id"])
        return to_session(row)

    async def rename(self, session_id: SessionId, user_id: UserId | None, title: str) -> Session:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["hold"], session_id)
            return _found(await connection.fetchrow(SQL["rename"], session_id, title))

    async def set_active(self, session_id: SessionId, user_id: UserId | None, *, active: bool) -> Session:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["hold"], session_id)
            return _found(await connection.fetchrow(SQL["set_active"], session_id, active))

    async def end_current(self, user_id: UserId, route: Route, session_id: SessionId | None) -> Session | None:
        async with self.database.as_user(user_id) as connection:
            row = (
                await connection.fetchrow(SQL["current"], user_id, route, self.resume_window)
                if session_id is None
                else await connection.fetchrow(SQL["get"], session_id)
            )
            # Route before session, as everywhere, to avoid deadlocks.
            await connection.execute(SQL["leave"], user_id, route, None if row is None else row["chat_id"])
            if row is None:
                return None
            await connection.execute(SQL["hold"], row["session_id"])
            return _found(await connection.fetchrow(SQL["set_active"], row["session_id"], False))

    async def delete(self, session_id: SessionId, user_id: UserId | None) -> Deleted:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["lock_routes"], session_id)
            await connection.execute(EDITING["lock_forks"], session_id)
            await connection.execute(EDITING["let_go_of_forks"], session_id)
            row = await connection.fetchrow(SQL["delete"], session_id)
        if row is None:
            raise NotFound("There is no such session.")
        last = () if row["agent_session"] is None else (row["agent_session"],)
        return Deleted(to_session(row), (*row["former_agent_sessions"], *last))

    async def open_turns(self, session_id: SessionId, user_id: UserId | None) -> Sequence[OpenTurn]:
        async with self.database.as_user(user_id) as connection:
            rows = await connection.fetch(SQL["open_turns"], session_id)
        return [OpenTurn(TurnId(row["turn_id"]), row["status"], row["attempt"]) for row in rows]


@dataclass(frozen=True, slots=True)
class PostgresMessages:
    """`MessageStore` on Postgres."""

    database: Database

    async def page(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before_id: MessageId | None
    ) -> MessagePage:
        async with self.database.as_user(user_id) as connection:
            session = await connection.fetchrow(SQL["get"], session_id)
            if session is None:
                raise NotFound("There is no such session.")
            chat_id: UUID = session["chat_id"]
            below = BEFORE_EVERYTHING if before_id is None else seq_of(before_id, session_id)
            rows = await connection.fetch(SQL["page"], chat_id, below, limit + 1)
        page = rows[:limit][::-1]
        older = message_id(chat_id, page[0]["seq"]) if len(rows) > limit else None
        return MessagePage(tuple(map(to_message, page)), older)

    async def after(
        self, session_id: SessionId, user_id: UserId | None, seq: int, limit: int, *, recall: bool = False
    ) -> Sequence[Message]:
        query = SQL["after_recalled" if recall else "after"]
        async with self.database.as_user(user_id) as connection:
            return [to_message(row) for row in await connection.fetch(query, session_id, seq, limit)]

    async def outcome(self, turn_id: TurnId, user_id: UserId | None) -> TurnOutcome | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["outcome"], turn_id)
        if row is None:
            raise NotFound("There is no such turn.")
        if row["seq"] is None:
            return None
        return TurnOutcome(row["turn_status"], to_message(row), to_usage(row["usage"]), row["error_class"])

    async def taken(self, message: InboundMessage) -> bool:
        named = (message.user_id, message.key, message.session_id, message.route)
        async with self.database.as_user(message.user_id) as connection:
            return bool(await connection.fetchval(SQL["taken"], *named))


async def _few(connection: PooledConnection, wanted: SessionFilter) -> list[UUID] | None:
    """The sessions with the requested metadata; None if none is requested, or too many have it."""
    if not wanted.metadata:
        return None
    query = SQL["labelled" if wanted.user_id is None else "labelled_own"]
    ids: list[UUID] | None = await connection.fetchval(query, *metadata_columns(wanted), FEW)
    return ids


async def _counted(
    connection: PooledConnection, wanted: SessionFilter, narrowed: tuple[object, ...], read: int
) -> tuple[int, bool]:
    """How many sessions a list has, and whether the count is exact. `read`: the size of the page, plus one if another follows."""
    seen = wanted.offset + read if read else 0
    if read <= wanted.limit and (read > 0 or wanted.offset == 0):
        return seen, True
    if wanted.user_id is not None:
        return await connection.fetchval(SQL["count"], *narrowed), True
    row = await fetch_one(connection, SQL["count_newest"], *narrowed, MOST_COUNTED)
    return max(row["total"], seen), row["is_exact"]


def _found(row: Record | None) -> Session:
    if row is None:
        raise NotFound("There is no such session.")
    return to_session(row, running=row["running"])


def metadata_columns(wanted: SessionFilter) -> tuple[list[str] | None, list[str] | None]:
    """The keys and values that filter a list; None for any."""
    if not wanted.metadata:
        return None, None
    return [key for key, _ in wanted.metadata], [value for _, value in wanted.metadata]


def _behind(row: Record) -> str:
    return to_cursor(row["last_message_at"] or row["created_at"], row["chat_id"])
