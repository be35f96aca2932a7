"""Live events, and the news from other replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.core.events import LiveEvent, TurnChanged
from gateway.core.lookback import FeedPosition
from gateway.core.model import Message, Session, SessionId, TurnId, UserId


class EventBus(Protocol):
    """Live events within a cluster; in-process here, a broker's elsewhere. Losing an event must be harmless."""

    def publish(self, topic: str, event: LiveEvent) -> None:
        """Hands the event to every subscriber of the topic, at once and in order."""
        ...

    def subscribe(self, topic: str, sink: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Calls `sink`, which must not block, for each event; the answer unsubscribes."""
        ...

    def is_heard(self, topic: str) -> bool:
        """Whether somebody subscribes to the topic now."""
        ...

    def topics(self) -> Sequence[str]:
        """The topics somebody subscribes to now."""
        ...

    def joined(self) -> Sequence[str]:
        """The topics that got another subscriber since this was asked last."""
        ...

    def marked(self, marks: Iterable[str]) -> Sequence[str]:
        """Those that somebody subscribes to now, of these marks (`gateway.core.live.headlines`)."""
        ...


def session_topic(session_id: SessionId) -> str:
    """News of one session's rows and turns."""
    return f"session:{session_id}"


def user_topic(user_id: UserId | None) -> str:
    """News of a user's list of sessions; None: of everybody's, for operators."""
    return "everybody:" if user_id is None else f"user:{user_id}"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a replica's sockets follow, and what they know already."""

    sessions: tuple[SessionId, ...]
    users: tuple[UserId, ...]
    everybody: bool
    """Whether an operator follows the list of all users' sessions."""
    since: datetime | None
    """From when on changes are read; None: this is the first look since somebody began to follow …"""
    back: timedelta
    """… which was at most so long ago."""
    running: tuple[TurnId, ...]
    """Turns running on this replica, to learn of cancels asked for elsewhere."""

    @property
    def nothing(self) -> bool:
        """There is nothing to look for."""
        return not (self.sessions or self.users or self.everybody or self.running)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed among the followed since the last look."""

    position: FeedPosition
    last_seqs: tuple[tuple[SessionId, UserId, int], ...]
    """How far the followed sessions have come, and whose they are now."""
    missing: tuple[SessionId, ...]
    """Followed sessions that are not there any more."""
    sessions: tuple[Session, ...]
    turns: tuple[TurnChanged, ...]
    """The sessions' open and just ended turns, without those that run, or ran, on this replica."""
    changed: tuple[Message, ...]
    """Messages that were edited, deleted, hidden or brought back, with their turn or alone."""
    cancelled: tuple[TurnId, ...]


class ChangeFeed(Protocol):
    """One query per replica and look, for all followed sessions."""

    async def changes(self, followed: Followed) -> Changes: ...
