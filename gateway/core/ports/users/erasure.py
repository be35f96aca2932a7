"""Removes what is stored about a user, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.core.model import SessionId, UserId

UserData = Literal[
    "schedules",
    "links",
    "link_codes",
    "sign_in_codes",
    "identified_visitors",
    "routes",
    "usage_log",
    "usage_days",
    "budget_days",
]
"""Tables of a user's own rows that belong to no session."""
Content = Literal["outbox", "snapshots", "versions", "messages", "turns"]
"""Tables with many rows per session; the session's other rows are removed with it."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """An erasure that had been requested when it was picked up. A user may request another one later."""

    user_id: UserId
    at: datetime


class ErasureStore(Protocol):
    """Each call is a transaction of its own, and may be repeated.

    Methods that take an `ErasureRequest` renew its minute of protection from takeover, and raise `ErasureOver` once that erasure has ended.
    """

    async def begin(self, user_id: UserId) -> None:
        """Ends the user's API tokens. Until a minute after `finish`, anything new of the user raises `Conflict`.

        Writes that were under way are either committed when this returns, or refused.
        """
        ...

    async def take(self, user_id: UserId) -> ErasureRequest | None:
        """Returns the user's erasure if one was started and not finished."""
        ...

    async def clear(self, table: UserData, request: ErasureRequest) -> bool:
        """Removes some of the user's rows; returns whether there may be more."""
        ...

    async def session_ids(self, request: ErasureRequest) -> Sequence[SessionId]:
        """The sessions that are left; all existed before the erasure."""
        ...

    async def clear_session(self, content: Content, session_id: SessionId, request: ErasureRequest) -> bool:
        """Removes some of a session's rows; returns whether there may be many more."""
        ...

    async def finish(self, request: ErasureRequest) -> None:
        """Records that nothing is left."""
        ...

    async def take_over(self) -> Sequence[UserId]:
        """Returns users whose erasure was started and not finished, each to one caller a minute; forgets old finished ones."""
        ...
