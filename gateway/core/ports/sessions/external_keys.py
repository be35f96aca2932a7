"""Names that other systems give to a user's sessions."""

from __future__ import annotations

from typing import Protocol

from gateway.core.model import MessageId, Session, SessionId, UserId
from gateway.core.ports.sessions.sessions import NewSession


class ExternalKeys(Protocol):
    """Each user's own keys, 1 to 128 characters; the same key of two users names two sessions."""

    async def find(self, user_id: UserId, key: str) -> Session | None:
        """The user's session of that key, or the one whose `session_id` it is."""
        ...

    async def find_or_make(self, key: str, new: NewSession) -> Session:
        """The same; without one, a new session gets the key. Of several at once, one makes it."""
        ...

    async def point(self, user_id: UserId, key: str, session_id: SessionId | None) -> None:
        """From now on the key names that session of the user's; None: no session."""
        ...

    async def sent_as(self, user_id: UserId, session_id: SessionId, client_id: str) -> MessageId | None:
        """The row of a message by the id that its sender gave it."""
        ...
