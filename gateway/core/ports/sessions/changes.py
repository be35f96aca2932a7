"""Changes to a session itself: its title, its metadata, whether it is active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.model import JsonObject, Session, SessionId, UserId


@dataclass(frozen=True, slots=True)
class GivenTitle:
    """A title, and whether it is the user's own, which the gateway never overwrites.

    `words_changed_at`: as in what the gateway made it of (`Titled`); when words have changed since, there is none.
    """

    text: str | None
    is_users: bool
    words_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """Changes to a session; None keeps a field as it is. `metadata` replaces all metadata."""

    title: GivenTitle | None = None
    metadata: JsonObject | None = None
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class Titled:
    """Where a session's title comes from: the user, the agent, or else the gateway.

    `opening`: how its first live message begins. `words_changed_at`: when messages were last edited, deleted or taken back.
    """

    session: Session
    is_users: bool
    is_agents: bool
    opening: str | None
    words_changed_at: datetime | None


class SessionChanges(Protocol):
    """`user_id` None acts for an operator; a session that is missing or someone else's raises `NotFound`."""

    async def change(self, session_id: SessionId, user_id: UserId | None, update: SessionUpdate) -> Session:
        """Applies all changes together."""
        ...

    async def titled(self, session_id: SessionId, user_id: UserId | None) -> Titled: ...

    async def retitle(self, titled: Titled, user_id: UserId | None, title: str, *, by_agent: bool) -> Session | None:
        """Sets a title. Returns None if the user has set one, words have changed since `titled`, or the session no longer exists."""
        ...
