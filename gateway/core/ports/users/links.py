"""Accounts of other networks that are a user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from gateway.core.model import ChannelName, UserId
from gateway.core.unlinked_users import unlinked_user


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of another network, by the network's own id. `display_name`: what they call themselves; anything at all."""

    channel: ChannelName
    external_id: str
    display_name: str | None = None

    @property
    def user_id(self) -> UserId:
        """As whom they chat without a link."""
        return unlinked_user(self.channel, self.external_id)


@dataclass(frozen=True, slots=True)
class Link:
    """A person of another network who is a user from then on."""

    id: UUID
    user_id: UserId
    person: Person
    created_at: datetime


class LinkStore(Protocol):
    """Links, and the one-time codes that make them, by their SHA-256. `user_id` None acts for an operator."""

    async def user_of(self, channel: ChannelName, external_id: str) -> UserId | None:
        """Whose account it is, of all users'."""
        ...

    async def add_code(
        self, digest: bytes, user_id: UserId, channel: ChannelName, person: Person | None, ttl: timedelta
    ) -> datetime:
        """Keeps a user's code for anybody of that network, or a person's own (`person`) for any user; until when."""
        ...

    async def redeem(self, digest: bytes, person: Person) -> Link | None:
        """Uses a user's code up and links the person; None when there is no such code now.

        Raises `Conflict` when the person is linked to somebody else; then the code stays good.
        """
        ...

    async def redeem_for(self, digest: bytes, user_id: UserId) -> Link | None:
        """Uses a person's own code up and links that person to the user; None and `Conflict` as above."""
        ...

    async def void(self, digest: bytes) -> None:
        """Ends a code that others have seen."""
        ...

    async def forget_codes(self) -> None:
        """Those nobody used in time."""
        ...

    async def list(self, user_id: UserId | None) -> Sequence[Link]:
        """Oldest first."""
        ...

    async def delete(self, link_id: UUID, user_id: UserId | None) -> Link:
        """The person hears nothing more of the user's conversations and schedules. Raises `NotFound`."""
        ...

    async def delete_person(self, channel: ChannelName, external_id: str) -> Link | None:
        """Ends the person's own link, otherwise as `delete`; None when there is none."""
        ...

    async def sessions_of(self, user_id: UserId) -> int:
        """How many sessions a user has."""
        ...
