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
    """`ErasureStore` on Postgres. Row-level security keeps nearly every statement to the user's own rows."""

    database: Database

    async def begin(self, user_id: UserId) -> None:
        async with self.database.as_user(user_id) as connection:
            # Each a statement of its own: what the later ones see is of after the wait for the lock.
            await connection.execute(SQL["lock_user"], user_id)
            await connection.execute(SQL["begin"], user_id)
            await connection.execute(SQL["end_tokens"], user_id)

    async def clear(self, table: Belonging, user_id: UserId) -> bool:
        # That a visitor's pass is over outlives the user; a row that is nobody's only the gateway may write.
        writer = None if table == "identified_visitors" else user_id
        async with self.database.as_user(writer) as connection:
            gone: int = await connection.fetchval(SQL[table], user_id, AT_A_TIME)
        return gone >= AT_A_TIME

    async def clear_session(self, content: Content, session_id: SessionId, user_id: UserId) -> bool:
        async with self.database.as_user(user_id) as connection:
            chat_id = await connection.fetchval(SQL["lock_session"], session_id)
            gone: int = await connection.fetchval(SQL[content], chat_id, AT_A_TIME)
        return gone >= AT_A_TIME

    async def finish(self, user_id: UserId) -> None:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["finish"], user_id)

    async def take_over(self) -> Sequence[UserId]:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["forget"])
            return [UserId(row["user_id"]) for row in await connection.fetch(SQL["take_over"])]
