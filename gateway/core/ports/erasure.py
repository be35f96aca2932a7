"""Takes away what is kept about a user, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from gateway.core.model import SessionId, UserId

Belonging = Literal["schedules", "links", "link_codes", "sign_in_codes", "identified_visitors", "routes"]
"""Tables of a user's own rows that belong to no session."""
Content = Literal["outbox", "snapshots", "versions", "messages", "turns"]
"""Tables of a session's rows of which there may be many; what else a session has goes with it."""


class ErasureStore(Protocol):
    """Each call is a transaction of its own, and may be repeated."""

    async def clear(self, table: Belonging, user_id: UserId) -> int:
        """Removes some of the user's rows; how many."""
        ...

    async def clear_session(self, content: Content, session_id: SessionId, user_id: UserId) -> int:
        """Removes some of a session's rows; how many."""
        ...

    async def end_tokens(self, user_id: UserId) -> Sequence[bytes]:
        """Removes the user's API tokens; their digests."""
        ...
