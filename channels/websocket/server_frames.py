"""Builds the gateway's frames as UTF-8 JSON. Pure; `docs/websocket.md` describes each frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from channels.websocket.faults import Code
from gateway.core.events import (
    Progress,
    ReasoningDelta,
    ShownEvent,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    TurnChanged,
)
from gateway.core.live.live_turns import LiveAttempt
from gateway.core.model import (
    AgentName,
    JsonObject,
    Message,
    Principal,
    Session,
    SessionId,
    TurnId,
    TurnStatus,
)
from gateway.core.shapes import message_json, session_json
from gateway.core.turns.parts import part_of

PONG = b'{"type":"pong"}'


@dataclass(slots=True)
class Delta:
    """A piece of an answer that waits to be sent; consecutive ones can be joined."""

    turn_id: TurnId
    attempt: int
    text: str
    _frame: bytes | None = field(default=None, compare=False, repr=False)

    def frame(self) -> bytes:
        """Its JSON, which is built once."""
        if self._frame is None:
            content: JsonObject = {
                "type": "delta",
                "turn_id": str(self.turn_id),
                "attempt": self.attempt,
                "text": self.text,
            }
            self._frame = _frame(content)
        return self._frame

    def joined(self, later: Delta) -> Delta | None:
        """Joins both; None if they belong to different attempts."""
        if (self.turn_id, self.attempt) != (later.turn_id, later.attempt):
            return None
        return Delta(self.turn_id, self.attempt, self.text + later.text)


def ready(
    principal: Principal,
    agent: AgentName,
    session_id: SessionId | None = None,
    *,
    resumed: bool = False,
    last_seq: int = 0,
) -> bytes:
    return _frame(
        {
            "type": "ready",
            "session_id": session_id,
            "user_id": principal.user_id,
            "agent": agent,
            "resumed": resumed,
            "last_seq": last_seq,
        }
    )


def ack(client_id: str, message: Message, turn_id: TurnId | None) -> bytes:
    return _frame(
        {
            "type": "ack",
            "id": client_id,
            "session_id": message.session_id,
            "message_id": message.id,
            "seq": message.seq,
            "turn_id": None if turn_id is None else str(turn_id),
        }
    )


def session(changed: Session) -> bytes:
    return _frame({"type": "session", "session": session_json(changed)})


def session_deleted(session_id: SessionId) -> bytes:
    return _frame({"type": "session_deleted", "session_id": session_id})


def message(added: Message) -> bytes:
    return _frame({"type": "message", "message": message_json(added)})


def message_changed(changed: Message) -> bytes:
    return _frame({"type": "message_changed", "message": message_json(changed)})


def notice(text: str, client_id: str | None) -> bytes:
    return _frame(_answering(client_id, {"type": "notice", "text": text}))


def turn(event: TurnChanged, *, elsewhere: bool = False) -> bytes:
    return open_turn(event.turn_id, event.session_id, event.status, event.attempt, elsewhere=elsewhere)


def open_turn(
    turn_id: TurnId, session_id: SessionId, status: TurnStatus, attempt: int, *, elsewhere: bool = False
) -> bytes:
    """`elsewhere`: it runs on another replica, so its text comes with its row."""
    content: JsonObject = {
        "type": "turn",
        "turn_id": str(turn_id),
        "session_id": session_id,
        "status": status,
        "attempt": attempt,
    }
    return _frame(content | {"live": False} if elsewhere else content)


class Shared:
    """Frames of the latest event, built once for all sockets that receive it: a bus calls them one after another."""

    __slots__ = ("_frame", "_of")

    def __init__(self) -> None:
        self._of: object = None
        self._frame: bytes | Delta = b""

    def message(self, added: Message) -> bytes | Delta:
        """See `message`."""
        if self._of is not added:
            self._frame = message(added)
            self._of = added
        return self._frame

    def progress(self, event: Progress) -> bytes | Delta:
        """See `progress`."""
        if self._of is not event:
            self._frame = progress(event)
            self._of = event
        return self._frame


def progress(event: Progress) -> bytes | Delta:
    """A delta, to be joined and framed when it is sent, or a step's frame."""
    shown = event.event
    if isinstance(shown, TextDelta):
        return Delta(event.turn_id, event.attempt, shown.text)
    return step(event.turn_id, event.attempt, shown)


def step(turn_id: TurnId, attempt: int, event: ShownEvent) -> bytes:
    """Whatever an agent yields that is not the answer's text."""
    turn: JsonObject = {"turn_id": str(turn_id), "attempt": attempt}
    match event:
        case ToolCall(call_id, name, given):
            content: JsonObject = {"type": "tool", **turn, "call_id": call_id, "name": name}
            content |= {"state": "call", "input": given}
        case ToolResult(call_id, name, output, failed):
            content = {"type": "tool", **turn, "call_id": call_id, "name": name}
            content |= {"state": "result", "output": output, "failed": failed}
        case ToolInputDelta(call_id, name, text):
            content = {"type": "tool", **turn, "call_id": call_id, "name": name, "state": "input", "text": text}
        case ReasoningDelta(text) | TextDelta(text):
            content = {"type": "reasoning", **turn, "text": text}
        case Status(text):
            content = {"type": "status", **turn, "text": text}
        case _:
            content = {"type": "part", **turn, "part": part_of(event)}
    return _frame(content)


def said_so_far(turn_id: TurnId, said: LiveAttempt) -> Sequence[bytes | Delta]:
    """An attempt's text as one delta, then everything else in order."""
    text = "".join([piece for piece in said.pieces if isinstance(piece, str)])
    frames: list[bytes | Delta] = [Delta(turn_id, said.attempt, text)] if text else []
    frames += [step(turn_id, said.attempt, piece) for piece in said.pieces if not isinstance(piece, str)]
    if said.status:
        frames.append(step(turn_id, said.attempt, Status(said.status)))
    return frames


def error(code: Code, text: str, client_id: str | None = None) -> bytes:
    return _frame(_answering(client_id, {"type": "error", "code": code, "message": text}))


def _answering(client_id: str | None, content: JsonObject) -> JsonObject:
    return content if client_id is None else content | {"id": client_id}


def _frame(content: JsonObject) -> bytes:
    try:
        return orjson.dumps(content)
    except TypeError:
        # Agents may yield what orjson rejects: integers beyond 64 bits, unpaired surrogates.
        return json.dumps(content).encode()
