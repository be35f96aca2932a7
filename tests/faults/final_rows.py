"""The rows that the database holds after a storm, read without the gateways and the proxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

SESSIONS = """
SELECT s.session_id, s.user_id, s.channel, s.last_seq, s.message_count, s.listed_at <= a.at AND (
    s.listed_at = second_of(a.at) OR EXISTS (SELECT FROM recent_activity AS r WHERE r.user_id = s.user_id AND r.chat_id = s.chat_id)
) AS is_in_lists
FROM chat_sessions AS s CROSS JOIN LATERAL (SELECT coalesce(s.last_message_at, s.created_at) AS at) AS a ORDER BY s.created_at
"""
MESSAGES = """
SELECT s.session_id, m.seq, m.user_id, m.role, m.content, m.channel, m.turn_id::text, m.client_id,
    m.deleted_at IS NOT NULL AS deleted, m.kind
FROM chat_messages AS m JOIN chat_sessions AS s USING (chat_id) ORDER BY m.chat_id, m.seq
"""
TURNS = """
SELECT t.turn_id::text, s.session_id, t.seq, t.user_id, t.status, t.attempt, t.epoch,
    extract(epoch FROM t.created_at)::float8 AS created_at, t.superseded, coalesce(t.questions, 0) AS questions
FROM turns AS t JOIN chat_sessions AS s USING (chat_id) ORDER BY t.created_at
"""
ITEMS = """
SELECT item_id, user_id, turn_id::text, address, chunk, content, state, coalesce(error, '') AS error,
    extract(epoch FROM settled_at)::float8 AS settled_at
FROM outbox ORDER BY item_id
"""
UNSETTLED = """
SELECT
    (
        SELECT count(*) FROM turns AS t FULL JOIN running_turns AS k USING (turn_id)
        WHERE t.status IS DISTINCT FROM 'waiting' AND (k.turn_id IS NOT NULL OR t.status IN ('queued', 'running'))
    ) AS turns,
    (SELECT count(*) FROM outbox WHERE state = 'unsent') AS items
"""
LAST = "SELECT user_id, last_seq FROM chat_sessions WHERE channel = 'web'"


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `is_in_lists`: whether lists find it in its place."""

    session_id: str
    user_id: str
    channel: str
    last_seq: int
    message_count: int
    is_in_lists: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    session_id: str
    seq: int
    user_id: str
    role: str
    content: str
    channel: str
    turn_id: str | None
    client_id: str | None = None
    deleted: bool = False
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class Turn:
    turn_id: str
    session_id: str
    seq: int
    user_id: str
    status: str
    attempt: int
    epoch: int
    created_at: float
    superseded: str | None = None
    questions: int = 0
    """How many its agent has asked, each a row before the reply."""


@dataclass(frozen=True, slots=True)
class Item:
    """A chunk in the outbox. `settled_at`: Unix seconds."""

    item_id: int
    user_id: str
    turn_id: str
    address: str
    chunk: int
    content: str
    state: str
    error: str
    settled_at: float | None


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows that the invariants depend on."""

    sessions: Sequence[Session] = ()
    messages: Sequence[Message] = ()
    turns: Sequence[Turn] = ()
    items: Sequence[Item] = ()


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The number of turns and chunks that are not finished yet."""

    turns: int
    items: int


async def read_rows(url: str) -> Rows:
    """All rows of all users: the role in the URL is a superuser's."""
    connection = await asyncpg.connect(url)
    try:
        return Rows(
            [Session(**row) for row in await connection.fetch(SESSIONS)],
            [Message(**row) for row in await connection.fetch(MESSAGES)],
            [Turn(**row) for row in await connection.fetch(TURNS)],
            [Item(**row) for row in await connection.fetch(ITEMS)],
        )
    finally:
        await connection.close()


async def read_unsettled(url: str) -> Unsettled:
    """Counts turns and chunks that are not finished."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(UNSETTLED)
        assert row is not None
        return Unsettled(**row)
    finally:
        await connection.close()


async def read_last(url: str) -> dict[str, int]:
    """The last `seq` of each web user."""
    connection = await asyncpg.connect(url)
    try:
        return {row["user_id"]: row["last_seq"] for row in await connection.fetch(LAST)}
    finally:
        await connection.close()
