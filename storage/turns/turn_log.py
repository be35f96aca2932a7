"""Reads of turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from asyncpg import Record

from gateway.core.model import AgentName, ChannelName, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.turn_log import TurnPage, TurnRecord, UsageTotal
from gateway.errors import ErrorClass, NotFound
from storage.connections import PooledConnection
from storage.cursors import from_cursor, to_cursor
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import message_id, to_usage

SQL = load_queries("turn_log")


@dataclass(frozen=True, slots=True)
class PostgresTurnLog:
    """`TurnLog` on Postgres."""

    database: Database

    async def page(self, session_id: SessionId, user_id: UserId | None, limit: int, before: str | None) -> TurnPage:
        earlier, below = from_cursor(before, "before")
        async with self.database.as_user(user_id) as connection:
            chat_id = await connection.fetchval(SQL["session"], session_id)
            if chat_id is None:
                raise NotFound("There is no such session.")
            rows = await connection.fetch(SQL["page"], chat_id, earlier, below, limit + 1)
            total = None if before is not None else await _total(connection, chat_id)
        page = rows[:limit]
        following = to_cursor(page[-1]["created_at"], page[-1]["turn_id"]) if len(rows) > limit else None
        return TurnPage(tuple(map(to_turn_record, page)), following, total)


def error_class_of(row: Record) -> ErrorClass | None:
    """The class of a failed turn's error; turns that failed before classes existed have the broadest one."""
    if row["status"] != "failed":
        return None
    return cast("ErrorClass", row["error_class"] or "agent_error")


async def _total(connection: PooledConnection, chat_id: object) -> UsageTotal:
    row = await fetch_one(connection, SQL["usage"], chat_id)
    return UsageTotal(row["input_tokens"], row["output_tokens"], row["turns"], row["cost"])


def to_turn_record(row: Record) -> TurnRecord:
    """Converts a row of `turns`, with `asked`: the `seq`s of the messages that it answers."""
    reply_seq = row["reply_seq"]
    return TurnRecord(
        id=TurnId(row["turn_id"]),
        session_id=SessionId(str(row["chat_id"])),
        status=cast("TurnStatus", row["status"]),
        agent_name=AgentName(row["agent_name"]),
        channel=ChannelName(row["channel"]),
        attempts=row["attempt"],
        usage=to_usage(row["usage"]),
        error=row["error"],
        error_class=error_class_of(row),
        withdrawn=row["withdrawn"],
        message_ids=tuple(message_id(row["chat_id"], seq) for seq in row["asked"]),
        reply_id=None if reply_seq is None else message_id(row["chat_id"], reply_seq),
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
