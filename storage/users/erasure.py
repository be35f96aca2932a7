"""Removes a user's rows, some at a time, so that nobody waits long for a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.model import SessionId, UserId
from gateway.core.ports.users.erasure import Content, ErasureRequest, UserData
from gateway.errors import ErasureOver
from storage.connections import PooledConnection
from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("erasure")
AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True)
class PostgresErasure:
    """`ErasureStore` on Postgres. Row-level security keeps nearly every statement to the user's own rows."""

    database: Database
    at_a_time: int = AT_A_TIME
    """Rows removed per transaction."""

    async def begin(self, user_id: UserId) -> None:
        async with self.database.as_user(user_id) as connection:
            # Like callers that work on one already: its row before any lock that others wait for.
            await connection.execute(SQL["take"], user_id)
            # Separate statements: the later ones must see the state after the wait for the lock.
            await connection.execute(SQL["lock_user"], user_id)
            await connection.execute(SQL["begin"], user_id)
            await connection.execute(SQL["end_tokens"], user_id)

    async def take(self, user_id: UserId) -> ErasureRequest | None:
        async with self.database.as_user(user_id) as connection:
            at: datetime | None = await connection.fetchval(SQL["take"], user_id)
        return None if at is None else ErasureRequest(user_id, at)

    async def clear(self, table: UserData, request: ErasureRequest) -> bool:
        # The fact that a visitor's pass has ended outlives the user; only the gateway may write a row without an owner.
        writer = None if table == "identified_visitors" else request.user_id
        async with self.database.as_user(writer) as connection:
            await _renew(connection, request)
            gone: int = await connection.fetchval(SQL[table], request.user_id, self.at_a_time)
        return gone >= self.at_a_time

    async def session_ids(self, request: ErasureRequest) -> Sequence[SessionId]:
        async with self.database.as_user(request.user_id) as connection:
            await _renew(connection, request)
            return [SessionId(row["session_id"]) for row in await connection.fetch(SQL["session_ids"], request.user_id)]

    async def clear_session(self, content: Content, session_id: SessionId, request: ErasureRequest) -> bool:
        async with self.database.as_user(request.user_id) as connection:
            await _renew(connection, request)
            chat_id = await connection.fetchval(SQL["lock_session"], session_id)
            gone: int = await connection.fetchval(SQL[content], chat_id, self.at_a_time)
        return gone >= self.at_a_time

    async def finish(self, request: ErasureRequest) -> None:
        async with self.database.as_user(request.user_id) as connection:
            await _renew(connection, request)
            await connection.execute(SQL["finish"], request.user_id)

    async def take_over(self) -> Sequence[UserId]:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["forget"])
            return [UserId(row["user_id"]) for row in await connection.fetch(SQL["take_over"])]


async def _renew(connection: PooledConnection, request: ErasureRequest) -> None:
    """Protects the erasure until this transaction ends, and from takeover for a minute. Raises `ErasureOver`."""
    if not await connection.fetchval(SQL["renew"], request.user_id, request.at):
        raise ErasureOver("Another request has finished this erasure.")
