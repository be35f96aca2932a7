"""HTTP responses and WebSocket frames show the same fields."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import orjson
import pytest

from gateway.api.models import sessions as models
from gateway.api.models.common import written
from gateway.core.model import WEB, AgentName, Message, MessageId, Session, SessionId, TurnId, UserId
from gateway.core.shapes import message_json, session_json

AT = datetime(2026, 1, 2, 3, 4, 5, 600, UTC)
SESSION = Session(
    SessionId("s1"),
    UserId("ann"),
    WEB,
    AgentName("assistant"),
    None,
    True,
    AT,
    AT,
    None,
    None,
    3,
    {"a": [1.5, None]},
    None,
)
MESSAGE = Message(
    MessageId("s1.1"), SessionId("s1"), UserId("ann"), 1, "user", "hé\u2028", ({"type": "text"},), WEB, None, AT
)


@pytest.mark.parametrize(
    "session",
    [
        SESSION,
        replace(SESSION, title="One", last_message_at=AT + timedelta(hours=1), ended_at=AT.replace(microsecond=0)),
    ],
)
def test_a_session_is_shown_alike(session: Session) -> None:
    """HTTP has a model and frames have a function, since frames are built during a turn."""
    assert orjson.loads(written(models.Session.of(session))) == session_json(session)


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        replace(MESSAGE, deleted=True, taken_back=True, kind="apology", metadata={"k": "v"}),
        replace(MESSAGE, turn_id=TurnId(uuid4()), edited_at=AT.astimezone(timezone(timedelta(hours=2)))),
    ],
)
def test_a_message_is_shown_alike(message: Message) -> None:
    """A row that was not taken back has no such field."""
    assert orjson.loads(written(models.Message.of(message))) == message_json(message)
