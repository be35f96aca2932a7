"""Live events, and changes made by other replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.events import LiveEvent, TurnChanged
from gateway.core.lookback import FeedPosition
from gateway.core.model import Message, Session, SessionId, TurnId, UserId


class EventBus(Protocol):
    """Live events within a cluster; in-process here, a broker elsewhere. Losing an event must be harmless."""

    def publish(self, topic: str, event: LiveEvent) -> None:
        """Passes the event to every subscriber of the topic, immediately and in order."""
        ...

    def subscribe(self, topic: str, sink: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Calls `sink`, which must not block, for each event; returns a function that unsubscribes."""
        ...

    def is_heard(self, topic: str) -> bool:
        """Whether the topic has subscribers now."""
        ...

    def topics(self) -> Sequence[str]:
        """The topics that have subscribers now."""
        ...

    def on_join(self, hear: Callable[[str], None]) -> None:
        """Calls `hear`, which must not block, with each topic that gets another subscriber; one may listen at a time."""
        ...

    def marked(self, marks: Iterable[str]) -> Sequence[str]:
        """The subscribed topics with one of these marks (`gateway.core.live.notifications`)."""
        ...


def session_topic(session_id: SessionId) -> str:
    """Events of one session's rows and turns."""
    return f"session:{session_id}"


def user_topic(user_id: UserId | None) -> str:
    """Events of a user's session list; None: of all users' sessions, for operators."""
    return "everybody:" if user_id is None else f"user:{user_id}"


@dataclass(frozen=True, slots=True)
class Followed:
    """What a replica's sockets follow, and how far they have read."""

    sessions: tuple[SessionId, ...]
    users: tuple[UserId, ...]
    everybody: bool
    """Whether an operator follows the list of all users' sessions."""
    since: datetime | None
    """Read changes since then; None: there was no query before this one."""
    running: tuple[TurnId, ...]
    """Turns running on this replica, to learn of cancellations requested elsewhere."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to query."""
        return not (self.sessions or self.users or self.everybody or self.running)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in the followed topics since the last query."""

    position: FeedPosition
    last_seqs: tuple[tuple[SessionId, UserId, int], ...]
    """The last `seq` of each followed session, and its current owner."""
    missing: tuple[SessionId, ...]
    """Followed sessions that no longer exist."""
    sessions: tuple[Session, ...]
    turns: tuple[TurnChanged, ...]
    """The sessions' open and recently ended turns, without those that run or ran on this replica."""
    changed: tuple[Message, ...]
    """Messages that were edited, deleted, hidden or restored, alone or with their turn."""
    cancelled: tuple[TurnId, ...]


class ChangeFeed(Protocol):
    """One query per replica at a time, for all followed sessions."""

    async def changes(self, followed: Followed) -> Changes: ...
