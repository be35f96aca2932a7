"""Takes away what is kept about a user, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.core.model import SessionId, UserId

UserData = Literal["schedules", "links", "link_codes", "sign_in_codes", "identified_visitors", "routes"]
"""Tables of a user's own rows that belong to no session."""
Content = Literal["outbox", "snapshots", "versions", "messages", "turns"]
"""Tables of a session's rows of which there may be many; what else a session has goes with it."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """An erasure that stood when it was taken up. A user may have another one later."""

    user_id: UserId
    at: datetime


class ErasureStore(Protocol):
    """Each call is a transaction of its own, and may be repeated.

    What takes `ErasureRequest` renews the minute for which nobody takes over, and raises `ErasureOver` once that erasure has ended.
    """

    async def begin(self, user_id: UserId) -> None:
        """Ends the user's API tokens. Until a minute after `finish`, whatever would be new of the user raises `Conflict`.

        What was on its way is there when this returns, or is refused.
        """
        ...

    async def take(self, user_id: UserId) -> ErasureRequest | None:
        """The user's erasure, if one was begun and not finished."""
        ...

    async def clear(self, table: UserData, request: ErasureRequest) -> bool:
        """Removes some of the user's rows; whether there may be more."""
        ...

    async def session_ids(self, request: ErasureRequest) -> Sequence[SessionId]:
        """The sessions that are left; all were there before the erasure."""
        ...

    async def clear_session(self, content: Content, session_id: SessionId, request: ErasureRequest) -> bool:
        """Removes some of a session's rows; whether there may be many more."""
        ...

    async def finish(self, request: ErasureRequest) -> None:
        """Nothing is left."""
        ...

    async def take_over(self) -> Sequence[UserId]:
        """Users whose erasure was begun and not finished, each to one caller a minute; forgets old ones that were."""
        ...
