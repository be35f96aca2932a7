"""A session with and without a title."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.core.model import WEB, AgentName, Session, SessionId, UserId

SESSION, USER = SessionId("s"), UserId("ann")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
UNTITLED = Session(SESSION, USER, WEB, AgentName("a"), None, True, NOON, NOON, NOON, None, 1, {}, None)
TITLED = replace(UNTITLED, title="Ships", message_count=2)
