"""Changes to transcripts (`migrations/0011`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from asyncpg import Record

from gateway.core.model import MessageId, ReplicaId, SessionId, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.sessions.editing import AnsweredAgain, Forked, ForkPoint, MessageVersion, Question, Rewritten
from gateway.core.ports.turns import Acceptance
from gateway.errors import Conflict, GatewayError, InvalidInput, NotFound
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import seq_of, text_parts, to_message, to_session, to_turn
from storage.senders import require_sender

SQL = load_queries("editing")
SESSIONS = load_queries("sessions")
NO_SESSION = "There is no such session."
NO_MESSAGE = "There is no such message."
REFUSALS: dict[str, tuple[type[GatewayError], str]] = {
    "not_found": (NotFound, NO_SESSION),
    "missing": (NotFound, NO_MESSAGE),
    "nothing": (Conflict, "There is nothing to answer yet. Write a message first."),
    "unasked": (Conflict, "The question for this answer is gone. Choose a message that still exists."),
    "busy": (Conflict, "An answer is being written in this session. Wait for it, or stop it first."),
}
"""Errors by what the functions of `migrations/0011` return."""


@dataclass(frozen=True, slots=True)
class PostgresEdits:
    """`EditStore` on Postgres."""

    database: Database
    replica_id: ReplicaId

    async def rewrite(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, text: str | None, by: UserId
    ) -> Rewritten:
        seq = _seq(session_id, message_id)
        async with self.database.as_user(user_id) as connection:
            row = _done(await fetch_one(connection, SQL["rewrite"], session_id, seq, text, by))
        return Rewritten(to_message(row["message"]), to_session(row["session"]))

    async def versions(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId
    ) -> Sequence[MessageVersion]:
        seq = _seq(session_id, message_id)
        async with self.database.as_user(user_id) as connection:
            if await connection.fetchrow(SQL["message"], session_id, seq) is None:
                raise NotFound(NO_MESSAGE)
            return [_to_version(row) for row in await connection.fetch(SQL["versions"], session_id, seq)]

    async def answer_again(self, question: Question, user_id: UserId | None, terms: TurnTerms) -> AnsweredAgain:
        session_id, message_id = question.session_id, question.message_id
        seq = None if message_id is None else _seq(session_id, message_id)
        named = (session_id, seq, question.text, question.by, terms.timeout, terms.history, self.replica_id)
        async with self.database.as_user(user_id) as connection:
            row = _done(await fetch_one(connection, SQL["answer_again"], *named))
        return AnsweredAgain(_acceptance(row), tuple(map(to_message, row["changed"] or ())))

    async def fork(self, point: ForkPoint, user_id: UserId | None) -> Forked:
        try:
            return await self._fork(point, user_id)
        except asyncpg.UniqueViolationError:
            async with self.database.as_user(user_id) as connection:
                row = await connection.fetchrow(SESSIONS["get"], str(point.chat_id))
            if row is None:
                raise Conflict("This fork was made before and has been deleted.") from None
            return Forked(to_session(row, running=row["running"]), None)

    async def _fork(self, point: ForkPoint, user_id: UserId | None) -> Forked:
        seq = None if point.message_id is None else _seq(point.session_id, point.message_id)
        async with self.database.as_user(user_id) as connection:
            if user_id is not None:
                await require_sender(connection, user_id, point.channel, point.account)
            if seq is not None:
                named = await connection.fetchrow(SQL["message"], point.session_id, seq)
                if named is None or named["deleted_at"] is not None:
                    raise NotFound(NO_MESSAGE)
            wanted = (point.session_id, seq, point.title, point.channel, point.route, point.chat_id)
            row = await connection.fetchrow(SQL["fork"], *wanted)
            if row is None:
                raise NotFound(NO_SESSION)
            await connection.execute(SQL["copy_state"], point.session_id, row["chat_id"], seq)
        return Forked(to_session(row), row["parents_agent_session"])

    async def remember_agent_session(self, session_id: SessionId, user_id: UserId, agent_session: str) -> None:
        async with self.database.as_user(user_id) as connection:
            await connection.execute(SQL["remember_agent_session"], session_id, agent_session)


def _seq(session_id: SessionId, message_id: MessageId) -> int:
    try:
        return seq_of(message_id, session_id)
    except InvalidInput:
        raise NotFound(NO_MESSAGE) from None


def _done(row: Record) -> Record:
    if row["status"] in REFUSALS:
        kind, text = REFUSALS[row["status"]]
        raise kind(text)
    return row


def _acceptance(row: Record) -> Acceptance:
    turn = row["turn"]
    return Acceptance(
        status="accepted",
        session=to_session(row["session"], running=True),
        message=to_message(row["message"]),
        turn_id=turn["turn_id"],
        turn_status="running",
        attempt=turn["attempt"],
        turn=to_turn(turn, row["messages"], row["history"], row["session"]),
    )


def _to_version(row: Record) -> MessageVersion:
    return MessageVersion(
        version=row["version"],
        content=row["content"],
        parts=text_parts(row["content"]) if row["parts"] is None else tuple(row["parts"]),
        change=row["change"],
        changed_by=UserId(row["changed_by"]),
        changed_at=row["changed_at"],
    )
