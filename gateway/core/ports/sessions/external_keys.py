"""Names that other systems give to a user's sessions."""

from __future__ import annotations

from typing import Protocol

from gateway.core.model import MessageId, Session, SessionId, UserId
from gateway.core.ports.sessions.sessions import NewSession


class ExternalKeys(Protocol):
    """Each user's own keys, 1 to 128 characters; the same key of two users names two sessions."""

    async def find(self, user_id: UserId, key: str) -> Session | None:
        """Returns the user's session with that key, or with that `session_id`."""
        ...

    async def find_or_make(self, key: str, new: NewSession) -> Session:
        """Like `find`; if there is none, creates a session with the key. Of several simultaneous calls, one creates it."""
        ...

    async def point(self, user_id: UserId, key: str, session_id: SessionId | None) -> None:
        """Makes the key name that session of the user from now on; None: no session."""
        ...

    async def sent_as(self, user_id: UserId, session_id: SessionId, client_id: str) -> MessageId | None:
        """Returns a message by the id that its sender gave it."""
        ...
