"""Sessions with imported transcripts: their rows have no turns, so history counts two of them to a turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4, uuid5

from asyncpg import Record

from gateway.core.model import JsonObject, JsonValue, Session, UserId
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage, ImportedTranscript
from gateway.errors import NotFound
from storage.connections import PooledConnection
from storage.database import Database
from storage.queries import load_queries
from storage.rows import to_session
from storage.senders import require_sender

SQL = load_queries("imported_transcripts")
KEYS = UUID("6f2b2c1e-6f0a-4f53-9a3e-0c6f5f0f7a11")
"""The namespace of session ids derived from a user and a key (RFC 9562, section 5.5)."""


@dataclass(frozen=True, slots=True)
class PostgresImportedTranscripts:
    """`ImportedTranscripts` on Postgres. Of two imports with one key, the second waits at the primary key for the first."""

    database: Database

    async def create(self, transcript: ImportedTranscript) -> Session:
        chat_id = uuid4() if transcript.key is None else _chat_id(transcript.user_id, transcript.key)
        async with self.database.as_user(transcript.user_id) as connection:
            await require_sender(connection, transcript.user_id)
            row = await self._insert(connection, chat_id, transcript) or await connection.fetchrow(SQL["find"], chat_id)
        if row is None:
            raise NotFound("There is no such session.")
        return to_session(row, running=row["running"])

    async def find(self, user_id: UserId, key: str) -> Session | None:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["find"], _chat_id(user_id, key))
        return None if row is None else to_session(row, running=row["running"])

    async def _insert(
        self, connection: PooledConnection, chat_id: UUID, transcript: ImportedTranscript
    ) -> Record | None:
        messages = transcript.messages
        row = await connection.fetchrow(
            SQL["create"],
            chat_id,
            transcript.user_id,
            transcript.channel,
            transcript.agent,
            transcript.title,
            len(messages),
            transcript.metadata,
        )
        if row is not None and messages:
            await connection.execute(
                SQL["add_messages"], chat_id, transcript.user_id, transcript.channel, list(_rows(messages))
            )
        return row


def _chat_id(user_id: UserId, key: str) -> UUID:
    return uuid5(KEYS, f"{user_id}\n{key}")


def _rows(transcript: Sequence[ImportedMessage]) -> Iterator[JsonObject]:
    for message, turn_seq in zip(transcript, turn_seqs(transcript), strict=True):
        parts: list[JsonValue] | None = None if message.parts is None else [*message.parts]
        yield {"role": message.role, "content": message.content, "parts": parts, "turn_seq": turn_seq}


def turn_seqs(transcript: Sequence[ImportedMessage]) -> Iterator[int]:
    """The `seq` of the user's message that each row belongs to; its own for rows before the first user's message."""
    turn = 0
    for seq, message in enumerate(transcript, 1):
        if message.role == "user":
            turn = seq
        yield turn or seq
