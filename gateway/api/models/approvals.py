"""Questions of agents, and their answers."""

from __future__ import annotations

from pydantic import Field

from gateway.api.models.common import Answer, Id, Instant
from gateway.core.model import Approvers


class Approval(Answer):
    """A question that an agent needs answered before it goes on."""

    id: Id
    session_id: str
    user_id: str
    turn_id: Id
    message_id: str = Field(description="The message that shows the question.")
    agent_name: str
    approvers: Approvers = Field(description="Who may answer: the session's user and operators, or operators only.")
    text: str
    choices: tuple[str, ...]
    default: str = Field(description="The answer that counts if nobody gives one before `expires_at`.")
    call_id: str = Field(description="The tool call in question; empty if it is about none.")
    tool: str
    input: dict[str, object] = Field(description="The tool's input.")
    created_at: Instant
    expires_at: Instant | None
    answer: str | None
    answered_by: str | None = Field(description="Null while it is open, and if nobody answered in time.")
    answered_at: Instant | None


class Approvals(Answer):
    """Open questions, the oldest first."""

    approvals: tuple[Approval, ...]
