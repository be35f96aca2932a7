"""Questions of agents, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from asyncpg import Record

from gateway.core.model import AgentName, ApprovalId, Approvers, Message, SessionId, TurnId, UserId
from gateway.core.ports.approvals import Answered, AnswerStatus, Approval, GivenAnswer
from gateway.errors import NotFound
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import message_id, present, to_message

SQL = load_queries("approvals")
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class PostgresApprovals:
    """`ApprovalStore` on Postgres."""

    database: Database

    async def open(self, user_id: UserId | None, limit: int) -> Sequence[Approval]:
        async with self.database.as_user(user_id) as connection:
            return [_to_approval(row) for row in await connection.fetch(SQL["open"], user_id, limit)]

    async def answer(self, given: GivenAnswer) -> Answered:
        async with self.database.as_user(None if given.is_operator else given.by) as connection:
            row = await fetch_one(
                connection,
                SQL["answer"],
                given.approval_id,
                given.choice,
                given.text,
                given.by,
                given.is_operator,
                given.channel,
                given.key,
            )
        if row["status"] == "not_found":
            raise NotFound("There is no such question.")
        question = present(row["question"], "chat_id")
        return Answered(
            cast("AnswerStatus", row["status"]),
            _to_approval(row["approval"]),
            None if question is None else to_message(question),
        )

    async def expire(self) -> Sequence[Message]:
        async with self.database.own_work() as connection:
            return [to_message(row) for row in await connection.fetch(SQL["expire"], AT_ONCE)]


def _to_approval(row: Record) -> Approval:
    answered_by = row["answered_by"]
    return Approval(
        id=ApprovalId(row["approval_id"]),
        session_id=SessionId(str(row["chat_id"])),
        user_id=UserId(row["user_id"]),
        turn_id=TurnId(row["turn_id"]),
        message_id=message_id(row["chat_id"], row["seq"]),
        agent_name=AgentName(row["agent_name"]),
        approvers=cast("Approvers", row["approvers"]),
        text=row["prompt"],
        choices=tuple(row["choices"]),
        default=row["default_choice"],
        call_id=row["call_id"],
        tool=row["tool"],
        input=row["input"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        answer=row["answer"],
        answered_by=None if answered_by is None else UserId(answered_by),
        answered_at=row["answered_at"],
    )
