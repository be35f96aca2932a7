"""The log of a session's turns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.model import AgentName, ChannelName, MessageId, SessionId, TurnId, TurnStatus, Usage, UserId
from gateway.errors import ErrorClass


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn as reported afterwards.

    `attempts`: calls of the agent so far. `message_ids`: the user's messages that it answers. `withdrawn`: replaced, because
    the conversation was rewound or answered again. `error`: for operators; `error_class`: for the user.
    """

    id: TurnId
    session_id: SessionId
    status: TurnStatus
    agent_name: AgentName
    channel: ChannelName
    attempts: int
    usage: Usage | None
    error: str | None
    error_class: ErrorClass | None
    withdrawn: bool
    message_ids: tuple[MessageId, ...]
    reply_id: MessageId | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """The usage of a session, including withdrawn turns.

    `turns`: how many have reported their usage. `cost`: US dollars, for turns whose price is known; None if there are none.
    """

    input_tokens: int
    output_tokens: int
    turns: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Newest first. `next_before` is None on the last page; only the first page has `total`."""

    turns: tuple[TurnRecord, ...]
    next_before: str | None
    total: UsageTotal | None


class TurnLog(Protocol):
    """Reads of turns. `user_id` None acts for an operator."""

    async def page(self, session_id: SessionId, user_id: UserId | None, limit: int, before: str | None) -> TurnPage:
        """Raises `NotFound`, and `InvalidInput` for an invalid `before`."""
        ...
