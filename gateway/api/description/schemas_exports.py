"""What exports look like, for `/openapi.json`. Rows that only the gateway works with are told as they are kept."""

from __future__ import annotations

from pydantic import Field

from gateway.api.description.schemas import Answer, Instant, Message, Session, Token
from gateway.api.description.schemas_turns import Schedule, Turn


class ExportedSession(Answer):
    """A session with what belongs to it."""

    session: Session
    messages: list[Message]
    state: dict[str, object] | None
    snapshots: list[dict[str, object]]


class WholeSession(ExportedSession):
    """A session with everything that is kept about it."""

    external_keys: list[str]
    turns: list[Turn]
    hidden: list[dict[str, object]] = Field(description="Messages that were deleted or hidden.")
    versions: list[dict[str, object]] = Field(description="What messages were before.")
    deliveries: list[dict[str, object]]


class ExportedUser(Answer):
    """Everything the gateway keeps about a user, but secrets."""

    user_id: str
    exported_at: Instant
    schedules: list[Schedule]
    tokens: list[Token]
    links: list[dict[str, object]]
    identified_visitors: list[dict[str, object]]
    routes: list[dict[str, object]]
    sessions: list[WholeSession]
