"""Questions of agents that turns wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from gateway.core.model import (
    AgentName,
    ApprovalId,
    Approvers,
    ChannelName,
    JsonObject,
    Message,
    MessageId,
    SessionId,
    TurnId,
    UserId,
)

AnswerStatus = Literal["answered", "taken", "closed", "unknown", "forbidden"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A question. `message_id`: its row; `answered_by`: None if nobody answered in time."""

    id: ApprovalId
    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    message_id: MessageId
    agent_name: AgentName
    approvers: Approvers
    text: str
    choices: tuple[str, ...]
    default: str
    call_id: str
    tool: str
    input: JsonObject
    created_at: datetime
    expires_at: datetime | None
    answer: str | None
    answered_by: UserId | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer to record. `choice`: a choice's words or its number. `key`: makes repeating the call harmless."""

    approval_id: ApprovalId
    choice: str
    text: str | None
    by: UserId
    is_operator: bool
    channel: ChannelName
    key: UUID


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. `question`: the question's row, if this call has changed it.

    `taken`: an earlier answer counts; `closed`: the turn was cancelled; `unknown`: there is no such choice; `forbidden`: only operators
    may answer.
    """

    status: AnswerStatus
    approval: Approval
    question: Message | None


class ApprovalStore(Protocol):
    """The questions. All methods raise `StoreUnavailable`."""

    async def open(self, user_id: UserId | None, limit: int) -> Sequence[Approval]:
        """The open ones of a user's sessions, the oldest first; None: of everybody's."""
        ...

    async def answer(self, given: GivenAnswer) -> Answered:
        """Records the first answer, and lets any replica continue the turn. Raises `NotFound`, also for someone else's question."""
        ...

    async def expire(self) -> Sequence[Message]:
        """Records the default answer of questions that nobody answered in time, and lets any replica continue their turns.

        Returns the questions' rows.
        """
        ...
