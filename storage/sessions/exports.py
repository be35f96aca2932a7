"""Reads everything that is stored about a user, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.core.model import JsonObject, SessionId, UserId
from gateway.core.ports.sessions.exports import Kept, KeptRow, Place, SessionSection, UserSection
from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("exports")
EXPORTED: Mapping[str, str] = {
    "chat_sessions": "sessions[].session",
    "chat_messages": "sessions[].messages, sessions[].hidden",
    "message_versions": "sessions[].versions",
    "turns": "sessions[].turns",
    "approvals": "sessions[].approvals",
    "session_states": "sessions[].state",
    "snapshots": "sessions[].snapshots",
    "outbox": "sessions[].deliveries",
    "agent_data": "sessions[].agent_data",
    "external_keys": "sessions[].external_keys",
    "routes": "routes",
    "links": "links",
    "identified_visitors": "identified_visitors",
    "schedules": "schedules",
    "api_tokens": "tokens",
    "usage_log": "usage",
    "usage_days": "usage",
}
"""Where an export contains a table's rows. Every table with users' rows is listed here or below."""
KEPT_BACK: Mapping[str, str] = {
    "sign_in_codes": "digests of secrets that are valid for an hour",
    "link_codes": "digests of secrets that are valid for ten minutes",
    "session_titles": "a copy of the titles, for search",
    "message_words": "the words of the messages, for search",
    "indexed_sessions": "how far search has indexed each session",
    "recent_activity": "which sessions were used in the last seconds",
    "budget_days": "sums of two days of `usage`, for budgets",
    "erasures": "exists only while the user is being erased, and for a minute after",
}


@dataclass(frozen=True, slots=True)
class PostgresExports:
    """`ExportStore` on Postgres."""

    database: Database

    async def session_ids(self, user_id: UserId) -> Sequence[SessionId]:
        async with self.database.as_user(user_id) as connection:
            return [SessionId(row["session_id"]) for row in await connection.fetch(SQL["session_ids"], user_id)]

    async def kept(self, session_id: SessionId, user_id: UserId) -> Kept:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["kept"], session_id)
        return Kept(None, ()) if row is None else Kept(row["state"], tuple(row["external_keys"]))

    async def of_session(
        self, section: SessionSection, session_id: SessionId, user_id: UserId, after: Place
    ) -> Sequence[KeptRow]:
        async with self.database.as_user(user_id) as connection:
            rows = await connection.fetch(SQL[section], session_id, *after)
        return [KeptRow((row["major"], row["minor"]), row["row"]) for row in rows]

    async def of_user(self, section: UserSection, user_id: UserId) -> Sequence[JsonObject]:
        async with self.database.as_user(user_id) as connection:
            return [row["row"] for row in await connection.fetch(SQL[section], user_id)]
