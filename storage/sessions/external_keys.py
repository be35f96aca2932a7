"""Names that other systems give to a user's sessions."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from gateway.core.model import MessageId, Session, SessionId, UserId
from gateway.core.ports.sessions.sessions import NewSession
from gateway.errors import NotFound, StoreUnavailable
from storage.database import Database
from storage.queries import load_queries
from storage.rows import message_id, to_session
from storage.senders import require_sender

SQL = load_queries("external_keys")


@dataclass(frozen=True, slots=True)
class PostgresExternalKeys:
    """`ExternalKeys` on Postgres."""

    database: Database

    async def find(self, user_id: UserId, key: str) -> Session | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["find"], user_id, key)
        return None if row is None else to_session(row, running=row["running"])

    async def find_or_make(self, key: str, new: NewSession) -> Session:
        found = await self.find(new.user_id, key) or await self._make(key, new) or await self.find(new.user_id, key)
        if found is None:
            raise StoreUnavailable("The conversation was deleted at the same time; try again.")
        return found

    async def _make(self, key: str, new: NewSession) -> Session | None:
        async with self.database.as_user(new.user_id) as connection:
            await require_sender(connection, new.user_id)
            row = await connection.fetchrow(SQL["make"], new.user_id, key, new.channel, new.agent, new.route)
        return None if row is None else to_session(row)

    async def point(self, user_id: UserId, key: str, session_id: SessionId | None) -> None:
        try:
            async with self.database.as_user(user_id) as connection:
                await require_sender(connection, user_id)
                if session_id is None:
                    await connection.execute(SQL["forget"], user_id, key)
                else:
                    await connection.execute(SQL["point"], user_id, key, session_id)
        except asyncpg.ForeignKeyViolationError as error:
            # It was deleted between its lookup and its lock.
            raise NotFound("There is no such session.") from error

    async def sent_as(self, user_id: UserId, session_id: SessionId, client_id: str) -> MessageId | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["sent_as"], user_id, session_id, client_id)
        return None if row is None else message_id(row["chat_id"], row["seq"])
