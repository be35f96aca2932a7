"""Builds turns as agents receive them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from gateway.core.events import AgentEvent, TextDelta
from gateway.core.model import (
    AgentName,
    ChannelName,
    ChatId,
    Message,
    MessageId,
    Role,
    SessionId,
    Turn,
    TurnId,
    UserId,
)

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
WEB = ChannelName("web")
TURN_ID = TurnId(UUID(int=7))


def message(seq: int, role: Role, text: str, *, deleted: bool = False) -> Message:
    """A row of the transcript."""
    ids = (MessageId(str(seq)), SessionId("s"), UserId("ann"))
    return Message(*ids, seq, role, text, (), WEB, None, WHEN, deleted=deleted)


def turn(*said: str, attempt: int = 1, collected: int = 1) -> Turn:
    """A turn that answers the last text, with user and assistant alternating before; `collected`: how many messages it answers."""
    before = len(said) - collected
    rows = [message(n + 1, "assistant" if n < before and n % 2 else "user", text) for n, text in enumerate(said)]
    return Turn(
        turn_id=TURN_ID,
        chat_id=ChatId(UUID(int=1)),
        session_id=SessionId("s"),
        user_id=UserId("ann"),
        agent=AgentName("assistant"),
        channel=WEB,
        seq=len(rows),
        attempt=attempt,
        epoch=1,
        messages=tuple(rows[before:]),
        history=tuple(rows[:before]),
    )


async def hear(run: AsyncIterator[AgentEvent], heard: list[AgentEvent]) -> None:
    """Collects what an agent yields, even if it fails halfway."""
    async for event in run:
        heard.append(event)  # noqa: PERF401 - a comprehension would keep nothing when the agent fails


async def events_of(run: AsyncIterator[AgentEvent]) -> list[AgentEvent]:
    """Everything an agent yields."""
    return [event async for event in run]


async def text_of(run: AsyncIterator[AgentEvent]) -> str:
    """What an agent says, as one text."""
    return "".join(event.text for event in await events_of(run) if isinstance(event, TextDelta))
