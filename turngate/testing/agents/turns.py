"""Turns as agents receive them, without a gateway."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

from gateway.core.model import WEB, AgentName, ChatId, Message, MessageId, Role, SessionId, Turn, TurnId, UserId

SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
USER = UserId("ann")


def new_turn(*said: str, agent_session: str | None = None, seconds: float = 60) -> Turn:
    """Returns the first attempt at a turn in a session of its own, which has that many seconds.

    It answers the last text; the ones before are the history, with user and agent alternating. Use `dataclasses.replace` for another attempt.
    """
    session_id = SessionId(uuid4().hex)
    *history, newest = (_message(session_id, seq, text) for seq, text in enumerate(said, 1))
    return Turn(
        turn_id=TurnId(uuid4()),
        chat_id=ChatId(uuid4()),
        session_id=session_id,
        user_id=USER,
        agent=AgentName("assistant"),
        channel=WEB,
        seq=len(said),
        attempt=1,
        epoch=1,
        messages=(newest,),
        history=tuple(history),
        agent_session=agent_session,
        deadline=time.monotonic() + seconds,
    )


def _message(session_id: SessionId, seq: int, text: str) -> Message:
    role: Role = "user" if seq % 2 else "assistant"
    return Message(
        id=MessageId(uuid4().hex),
        session_id=session_id,
        user_id=USER,
        seq=seq,
        role=role,
        content=text,
        parts=({"type": "text", "text": text},),
        channel=WEB,
        turn_id=TurnId(uuid4()),
        created_at=SOME_TIME,
    )
