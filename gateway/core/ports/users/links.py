"""Links between users and their accounts on networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from gateway.core.model import ChannelName, UserId


@dataclass(frozen=True, slots=True)
class Person:
    """A person on a network, by the network's own id. `display_name`: arbitrary text that they chose."""

    channel: ChannelName
    external_id: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A person on a network who acts as a user from then on."""

    id: UUID
    user_id: UserId
    person: Person
    created_at: datetime


class LinkStore(Protocol):
    """Links, and the one-time codes that create them, by their SHA-256. With `user_id` None, acts for an operator."""

    async def user_of(self, channel: ChannelName, external_id: str) -> UserId | None:
        """Returns the user linked to the account, of all users."""
        ...

    async def add_code(
        self, digest: bytes, user_id: UserId, channel: ChannelName, person: Person | None, ttl: timedelta
    ) -> datetime:
        """Stores a user's code for anybody on that network, or a person's own (`person`) for any user; returns its expiry."""
        ...

    async def redeem(self, digest: bytes, person: Person) -> Link | None:
        """Uses up a user's code and links the person; None if there is no such valid code.

        Raises `Conflict` if the person is linked to another user; the code remains valid then.
        """
        ...

    async def redeem_for(self, digest: bytes, user_id: UserId) -> Link | None:
        """Uses up a person's own code and links that person to the user; None and `Conflict` as above."""
        ...

    async def void(self, digest: bytes) -> None:
        """Voids a code that others have seen."""
        ...

    async def forget_codes(self) -> None:
        """Removes expired codes."""
        ...

    async def list(self, user_id: UserId | None) -> Sequence[Link]:
        """Oldest first."""
        ...

    async def delete(self, link_id: UUID, user_id: UserId | None) -> Link:
        """The person receives nothing more of the user's conversations and schedules. Raises `NotFound`."""
        ...

    async def delete_person(self, channel: ChannelName, external_id: str) -> Link | None:
        """Ends the person's own link, otherwise like `delete`; None if there is none."""
        ...

    async def sessions_of(self, user_id: UserId) -> int:
        """How many sessions a user has."""
        ...
