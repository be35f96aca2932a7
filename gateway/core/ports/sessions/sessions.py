"""Reads and changes of sessions and transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.inbound import InboundMessage
from gateway.core.model import (
    AgentName,
    ChannelName,
    JsonObject,
    Message,
    MessageId,
    Route,
    Session,
    SessionId,
    TurnId,
    TurnStatus,
    Usage,
    UserId,
)
from gateway.errors import ErrorClass


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to list. `user_id` None: all users' (an operator)."""

    user_id: UserId | None
    channel: ChannelName | None = None
    agent: AgentName | None = None
    active: bool | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """Keys and the values they must all have; values are compared as text: 7, "7", true."""
    limit: int = 50
    offset: int = 0
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Latest activity first. `total` and `total_is_exact` are None on pages requested by cursor.

    All users' sessions are counted among the newest thousands only: if there are more, `total` is not exact.
    """

    sessions: tuple[Session, ...]
    total: int | None
    total_is_exact: bool | None
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Ascending by `seq`. `next_before_id` is None on the oldest page."""

    messages: tuple[Message, ...]
    next_before_id: MessageId | None


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that is queued or running, on any replica."""

    turn_id: TurnId
    status: TurnStatus
    attempt: int


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session created on request, before any message."""

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    route: Route
    title: str | None = None
    metadata: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted session, and every id it had in its agent's framework."""

    session: Session
    agent_sessions: tuple[str, ...]


class SessionStore(Protocol):
    """Reads and changes of sessions. With `user_id` None, acts for an operator; otherwise someone else's session raises `NotFound`."""

    async def list(self, wanted: SessionFilter) -> SessionPage:
        """Raises `InvalidInput` for an invalid cursor."""
        ...

    async def get(self, session_id: SessionId, user_id: UserId | None) -> Session: ...

    async def resumable(self, user_id: UserId, route: Route) -> Session | None:
        """The current session of the route, if it is active and within the resume window."""
        ...

    async def create(self, new: NewSession) -> Session: ...

    async def rename(self, session_id: SessionId, user_id: UserId | None, title: str) -> Session:
        """Sets the user's own title, which is never overwritten."""
        ...

    async def end_current(self, user_id: UserId, route: Route, session_id: SessionId | None) -> Session | None:
        """Ends the named session, or the route's current one; the next message on the route starts a new one."""
        ...

    async def set_active(self, session_id: SessionId, user_id: UserId | None, *, active: bool) -> Session:
        """Ends a session, or reopens it."""
        ...

    async def delete(self, session_id: SessionId, user_id: UserId | None) -> Deleted:
        """Removes the session and everything in it; its forks become forks of its parent."""
        ...

    async def latest(self, user_id: UserId, agent: AgentName) -> Session | None:
        """Returns the latest session of user and agent, on any channel, that is active and within the resume window."""
        ...

    async def open_turns(self, session_id: SessionId, user_id: UserId | None) -> Sequence[OpenTurn]:
        """Queued and running turns, oldest first."""
        ...

    async def current(self, user_id: UserId, route: Route) -> Session | None:
        """The current session of the route, whatever its age."""
        ...


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """How a turn ended: `completed`, `failed` (the reply is an apology) or `cancelled`, with its one reply.

    `error_class`: why it failed; None if that was not recorded.
    """

    status: TurnStatus
    reply: Message
    usage: Usage | None = None
    error_class: ErrorClass | None = None


class MessageStore(Protocol):
    """Reads of the transcript."""

    async def page(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before_id: MessageId | None
    ) -> MessagePage:
        """Raises `NotFound`; `InvalidInput` for a `before_id` that is not from this session."""
        ...

    async def after(
        self, session_id: SessionId, user_id: UserId | None, seq: int, limit: int, *, recall: bool = False
    ) -> Sequence[Message]:
        """Returns rows with a greater `seq`, ascending; `recall`: before them, changed rows among the last few hundred up to `seq`."""
        ...

    async def outcome(self, turn_id: TurnId, user_id: UserId | None) -> TurnOutcome | None:
        """Returns the outcome of a turn that has ended. Raises `NotFound` if its session was deleted."""
        ...

    async def taken(self, message: InboundMessage) -> bool:
        """Whether a message with that key already exists where this one would go."""
        ...
