"""Sessions with a transcript from elsewhere: its rows have no turns, so history counts two of them to a turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

from gateway.core.model import JsonObject, JsonValue, Session, UserId
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage, Seed
from gateway.errors import NotFound
from storage.queries import load_queries
from storage.rows import to_session
from storage.senders import require_sender

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.connections import PooledConnection
    from storage.database import Database

SQL = load_queries("imported_transcripts")
KEYS = UUID("6f2b2c1e-6f0a-4f53-9a3e-0c6f5f0f7a11")
"""The name space of sessions that are named by a user and a key (RFC 9562, section 5.5)."""


@dataclass(frozen=True, slots=True)
class PostgresSeeds:
    """`SeedStore` on Postgres. Two seeds of one key meet at the primary key: the second waits for the first."""

    database: Database

    async def sow(self, seed: Seed) -> Session:
        chat_id = uuid4() if seed.key is None else _chat_id(seed.user_id, seed.key)
        async with self.database.as_user(seed.user_id) as connection:
            await require_sender(connection, seed.user_id)
            row = await self._sow(connection, chat_id, seed) or await connection.fetchrow(SQL["sown"], chat_id)
        if row is None:
            raise NotFound("There is no such session.")
        return to_session(row, running=row["running"])

    async def sown(self, user_id: UserId, key: str) -> Session | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["sown"], _chat_id(user_id, key))
        return None if row is None else to_session(row, running=row["running"])

    async def _sow(self, connection: PooledConnection, chat_id: UUID, seed: Seed) -> Record | None:
        told = seed.transcript
        row = await connection.fetchrow(
            SQL["sow"], chat_id, seed.user_id, seed.channel, seed.agent, seed.title, len(told), seed.metadata
        )
        if row is not None and told:
            await connection.execute(SQL["tell"], chat_id, seed.user_id, seed.channel, list(_rows(told)))
        return row


def _chat_id(user_id: UserId, key: str) -> UUID:
    return uuid5(KEYS, f"{user_id}\n{key}")


def _rows(transcript: Sequence[ImportedMessage]) -> Iterator[JsonObject]:
    for said, turn_seq in zip(transcript, turn_seqs(transcript), strict=True):
        parts: list[JsonValue] | None = None if said.parts is None else [*said.parts]
        yield {"role": said.role, "content": said.content, "parts": parts, "turn_seq": turn_seq}


def turn_seqs(transcript: Sequence[ImportedMessage]) -> Iterator[int]:
    """The `seq` of the user's message that each row belongs to; its own for rows before the first of them."""
    turn = 0
    for seq, said in enumerate(transcript, 1):
        if said.role == "user":
            turn = seq
        yield turn or seq
