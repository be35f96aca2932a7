"""The gateway's frames, byte by byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from channels.telegram.name import TELEGRAM
from channels.websocket import server_frames
from gateway.core.events import (
    Citation,
    DataPart,
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
from gateway.core.model import (
    WEB,
    AgentName,
    JsonObject,
    Message,
    MessageId,
    Principal,
    Session,
    SessionId,
    TurnId,
    UserId,
)
from tests.wire import require_described

TURN = TurnId(UUID(int=7))
TURN_TEXT = "00000000-0000-0000-0000-000000000007"
SESSION = SessionId("s")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
ANN = UserId("ann")
MESSAGE = Message(MessageId("m"), SESSION, ANN, 3, "user", "hi 👋", ({"type": "text", "text": "hi 👋"},), WEB, TURN, AT)
MESSAGE_JSON = {
    "id": "m",
    "session_id": "s",
    "seq": 3,
    "role": "user",
    "content": "hi 👋",
    "parts": [{"type": "text", "text": "hi 👋"}],
    "channel": "web",
    "turn_id": TURN_TEXT,
    "created_at": "2026-01-02T02:04:05Z",
    "edited_at": None,
    "deleted": False,
    "kind": "message",
    "metadata": {},
}


def read(frame: bytes | server_frames.Delta) -> Any:
    """The JSON that a client sees."""
    return json.loads(frame.frame() if isinstance(frame, server_frames.Delta) else frame)


def test_ready_of_a_session() -> None:
    """All five fields, always."""
    principal = Principal(UserId("ann"), "user")
    assert read(server_frames.ready(principal, AgentName("a"), SESSION, resumed=True, last_seq=3)) == {
        "type": "ready",
        "session_id": "s",
        "user_id": "ann",
        "agent": "a",
        "resumed": True,
        "last_seq": 3,
    }
    assert read(server_frames.ready(principal, AgentName("a")))["session_id"] is None


def test_ack() -> None:
    """An ack names the row and the turn."""
    assert read(server_frames.ack("k", MESSAGE, TURN)) == {
        "type": "ack",
        "id": "k",
        "session_id": "s",
        "message_id": "m",
        "seq": 3,
        "turn_id": TURN_TEXT,
    }


def test_message_and_message_changed() -> None:
    """A row in the contract's format, times in UTC."""
    assert read(server_frames.message(MESSAGE)) == {"type": "message", "message": MESSAGE_JSON}
    assert read(server_frames.message_changed(MESSAGE)) == {"type": "message_changed", "message": MESSAGE_JSON}


def test_session() -> None:
    """A session in the contract's format, and nothing more."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    session = Session(
        SESSION, UserId("ann"), TELEGRAM, AgentName("a"), "T", True, at, at, at, None, 2, {"course": 1}, None, 5, True
    )
    assert read(server_frames.session(session)) == {
        "type": "session",
        "session": {
            "session_id": "s",
            "user_id": "ann",
            "channel": "telegram",
            "agent_name": "a",
            "title": "T",
            "is_active": True,
            "created_at": "2026-01-02T03:04:05.678000Z",
            "updated_at": "2026-01-02T03:04:05.678000Z",
            "last_message_at": "2026-01-02T03:04:05.678000Z",
            "ended_at": None,
            "message_count": 2,
            "metadata": {"course": 1},
            "parent_session_id": None,
        },
    }


def test_turn() -> None:
    """A turn's status and attempt."""
    event = TurnChanged(SESSION, UserId("ann"), TURN, "running", 2)
    assert read(server_frames.turn(event)) == {
        "type": "turn",
        "turn_id": TURN_TEXT,
        "session_id": "s",
        "status": "running",
        "attempt": 2,
    }


def test_delta() -> None:
    """A piece of text, with its attempt."""
    delta = server_frames.progress(Progress(SESSION, ANN, TURN, 1, TextDelta("wor")))
    assert read(delta) == {"type": "delta", "turn_id": TURN_TEXT, "attempt": 1, "text": "wor"}


def test_tool_call_and_result() -> None:
    """A tool's two frames share its call id."""
    about = {"type": "tool", "turn_id": TURN_TEXT, "attempt": 1, "call_id": "c", "name": "add"}
    call = server_frames.progress(Progress(SESSION, ANN, TURN, 1, ToolCall("c", "add", {"a": 1})))
    result = server_frames.progress(Progress(SESSION, ANN, TURN, 1, ToolResult("c", "add", "2")))
    assert read(call) == about | {"state": "call", "input": {"a": 1}}
    assert read(result) == about | {"state": "result", "output": "2", "failed": False}


def test_notice_and_error_repeat_the_clients_id() -> None:
    """With an id if there is one, and without the field otherwise."""
    assert read(server_frames.notice("Done.", "k")) == {"type": "notice", "text": "Done.", "id": "k"}
    assert read(server_frames.error("invalid", "No.", "k")) == {
        "type": "error",
        "code": "invalid",
        "message": "No.",
        "id": "k",
    }
    assert "id" not in read(server_frames.error("invalid", "No."))


def test_values_that_orjson_rejects_are_sent() -> None:
    """Integers beyond 64 bits and unpaired surrogates come from agents, and must not break the bus."""
    odd: JsonObject = {"big": 2**80, "half": "\ud800"}
    assert read(server_frames.progress(Progress(SESSION, ANN, TURN, 1, ToolCall("c", "add", odd))))["input"] == odd


def test_deltas_of_one_attempt_join() -> None:
    """Consecutive deltas of one attempt become one; others don't."""
    first = server_frames.Delta(TURN, 1, "wor")
    assert first.joined(server_frames.Delta(TURN, 1, "ld")) == server_frames.Delta(TURN, 1, "world")
    assert first.joined(server_frames.Delta(TURN, 2, "ld")) is None


def test_what_an_agent_yields_besides_text() -> None:
    """Each kind has a frame, as the schema describes it."""
    shown: list[ShownEvent] = [
        ReasoningDelta("Hm."),
        Status("Searching"),
        ToolInputDelta("c", "look", "{"),
        DataPart("chart", [1]),
        Citation("https://example.com", "Gates"),
    ]
    frames = [read(server_frames.progress(Progress(SESSION, ANN, TURN, 1, event))) for event in shown]
    for frame in frames:
        require_described(frame)
    about = {"turn_id": TURN_TEXT, "attempt": 1}
    assert frames == [
        {"type": "reasoning", **about, "text": "Hm."},
        {"type": "status", **about, "text": "Searching"},
        {"type": "tool", **about, "call_id": "c", "name": "look", "state": "input", "text": "{"},
        {"type": "part", **about, "part": {"type": "data-chart", "data": [1]}},
        {
            "type": "part",
            **about,
            "part": {
                "type": "source-url",
                "sourceId": "https://example.com",
                "url": "https://example.com",
                "title": "Gates",
            },
        },
    ]
