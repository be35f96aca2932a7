"""JSON for messages and sessions, the same over HTTP and WebSocket (docs/websocket.md, `/openapi.json`)."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.core.model import JsonObject, Message, Session


def instant(at: datetime) -> str:
    """Formats as RFC 3339 in UTC, with `Z`. `at` must be timezone-aware."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat().removesuffix("+00:00") + "Z"


def instant_or_none(at: datetime | None) -> str | None:
    """As `instant`; None stays None."""
    return None if at is None else instant(at)


def message_json(message: Message) -> JsonObject:
    """A row of the transcript; `taken_back` is present only when true."""
    shown: JsonObject = {
        "id": message.id,
        "session_id": message.session_id,
        "seq": message.seq,
        "role": message.role,
        "content": message.content,
        "parts": list(message.parts),
        "channel": message.channel,
        "turn_id": None if message.turn_id is None else str(message.turn_id),
        "created_at": instant(message.created_at),
        "edited_at": instant_or_none(message.edited_at),
        "deleted": message.deleted,
        "kind": message.kind,
        "metadata": message.metadata,
    }
    return shown | {"taken_back": True} if message.taken_back else shown


def speaker(message: Message) -> str:
    """The speaker as shown to people: `assistant`, or `assistant (apology)`."""
    return message.role if message.kind == "message" else f"{message.role} ({message.kind})"


def session_json(session: Session) -> JsonObject:
    """A session as listed."""
    return {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "channel": session.channel,
        "agent_name": session.agent_name,
        "title": session.title,
        "is_active": session.is_active,
        "created_at": instant(session.created_at),
        "updated_at": instant(session.updated_at),
        "last_message_at": instant_or_none(session.last_message_at),
        "ended_at": instant_or_none(session.ended_at),
        "message_count": session.message_count,
        "metadata": session.metadata,
        "parent_session_id": session.parent_session_id,
    }
