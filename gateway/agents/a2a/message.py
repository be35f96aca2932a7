"""A turn as a message to an A2A agent; pure."""

from __future__ import annotations

from collections.abc import Iterable

from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest
from google.protobuf.struct_pb2 import Struct

from gateway.core.model import JsonObject, Turn
from gateway.core.model import Message as Row

BEFORE = "What was said before, for reference:"


def request_of(turn: Turn) -> SendMessageRequest:
    """A2A has no history: what the agent does not know yet is a part before the message."""
    context_id, _, task_id = (turn.agent_session or "").partition(" ")
    unknown = _quoted(turn.unseen if turn.agent_session else turn.history)
    message = Message(
        message_id=turn.idempotency_key,
        context_id=context_id,
        task_id=task_id,
        role=Role.ROLE_USER,
        parts=[Part(text=text) for text in (unknown, turn.text) if text],
        metadata=_struct({"turngate": _about(turn)}),
    )
    return SendMessageRequest(message=message)


def _about(turn: Turn) -> JsonObject:
    sender = turn.sender
    return {
        "attempt": turn.attempt,
        "session_id": turn.session_id,
        "user_id": turn.user_id,
        "sender": {"name": sender.name, "locale": sender.locale, "time_zone": sender.time_zone},
        "channel": turn.channel,
        "metadata": turn.metadata,
    }


def _quoted(rows: Iterable[Row]) -> str:
    said = [f"{row.role}: {row.content}" for row in rows if row.content and not row.deleted]
    return "\n\n".join((BEFORE, *said)) if said else ""


def _struct(data: JsonObject) -> Struct:
    struct = Struct()
    struct.update(data)
    return struct
