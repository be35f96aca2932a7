"""Exports. Rows that only the gateway uses are exported as stored."""

from __future__ import annotations

from pydantic import Field

from gateway.api.models.common import Answer, Instant
from gateway.api.models.identity import Token
from gateway.api.models.schedules import Schedule
from gateway.api.models.sessions import Message, Session
from gateway.api.models.turns import Turn


class ExportedSession(Answer):
    """A session with everything that belongs to it."""

    session: Session
    messages: tuple[Message, ...]
    state: dict[str, object] | None
    snapshots: tuple[dict[str, object], ...]


class WholeSession(ExportedSession):
    """A session with everything stored about it."""

    external_keys: tuple[str, ...]
    turns: tuple[Turn, ...]
    hidden: tuple[dict[str, object], ...] = Field(description="Messages that were deleted or hidden.")
    versions: tuple[dict[str, object], ...] = Field(description="Earlier versions of messages.")
    deliveries: tuple[dict[str, object], ...]
    agent_data: tuple[dict[str, object], ...] = Field(description="What agents keep for their own frameworks.")
    approvals: tuple[dict[str, object], ...] = Field(description="Questions of agents, and their answers.")


class ExportedUser(Answer):
    """Everything the gateway stores about a user, except secrets."""

    user_id: str
    exported_at: Instant
    schedules: tuple[Schedule, ...]
    tokens: tuple[Token, ...]
    links: tuple[dict[str, object], ...]
    identified_visitors: tuple[dict[str, object], ...]
    routes: tuple[dict[str, object], ...]
    usage: tuple[dict[str, object], ...]
    sessions: tuple[WholeSession, ...]
