"""Takes a user's rows away, some at a time, so that nobody waits long for a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.model import SessionId, UserId
from gateway.core.ports.erasure import Belonging, Content
from storage.queries import load_queries

if TYPE_CHECKING:
    from storage.database import Database

SQL = load_queries("erasure")
AT_A_TIME = 2_000
"""Rows of a transaction."""


@dataclass(frozen=True, slots=True)
class PostgresErasure:
    """`ErasureStore` on Postgres. Row-level security keeps each statement to the user's own rows."""

    database: Database

    async def clear(self, table: Belonging, user_id: UserId) -> int:
        async with self.database.as_user(user_id) as connection:
            gone: int = await connection.fetchval(SQL[table], user_id, AT_A_TIME)
        return gone

    async def clear_session(self, content: Content, session_id: SessionId, user_id: UserId) -> int:
        async with self.database.as_user(user_id) as connection:
            chat_id = await connection.fetchval(SQL["lock_session"], session_id)
            gone: int = await connection.fetchval(SQL[content], chat_id, AT_A_TIME)
        return gone

    async def end_tokens(self, user_id: UserId) -> Sequence[bytes]:
        async with self.database.as_user(user_id) as connection:
            return [row["digest"] for row in await connection.fetch(SQL["end_tokens"], user_id)]
