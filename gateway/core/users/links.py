"""Links accounts on networks to users: by one-time codes, never by guessing who somebody might be."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from gateway.core.limits.rates import Rates
from gateway.core.model import ChannelName, UserId
from gateway.core.ports.users.links import Link, LinkStore, Person
from gateway.core.user_ids import UserIds
from gateway.errors import Conflict

LIFETIME = timedelta(minutes=10)
CODE_BYTES = 24
"""Random bytes of a code: 192 bits in 32 characters, within the 64 that a deep link takes."""
NOT_GOOD = "This code is invalid, expired or already used. Send /link for a new one."
TRIES_PER_MINUTE = 10
"""Codes a person may try; they can't be guessed, and nobody should try."""
CODES_PER_MINUTE = 10
"""Codes a person may create."""
REMEMBER_S = 3.0
"""Seconds after which an ended link has ended on every replica."""
REMEMBER_MOST = 10_000

_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new code, shown only once. `url` opens the network's own app with it."""

    code: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Linked:
    """The result of a redeemed code. `staying`: how many earlier sessions the person has; they stay with the `unlinked` user."""

    link: Link
    unlinked: UserId
    staying: int


class Links:
    """Creates and redeems codes, and finds the user of an account, which it remembers for a few seconds."""

    def __init__(
        self,
        store: LinkStore,
        user_ids: UserIds,
        off: Mapping[ChannelName, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`off`: what to do about networks that are switched off."""
        self._store = store
        self._user_ids = user_ids
        self._off = off
        self._clock = clock
        self._deep_links: dict[ChannelName, str] = {}
        self._tries = Rates(TRIES_PER_MINUTE)
        self._made = Rates(CODES_PER_MINUTE)
        self._known: dict[tuple[ChannelName, str], tuple[float, UserId | None]] = {}

    def set_deep_link(self, channel: ChannelName, prefix: str) -> None:
        """Sets the URL that the deep links of a network start with; a code is appended to it."""
        self._deep_links[channel] = prefix

    async def user_of(self, channel: ChannelName, external_id: str) -> UserId | None:
        """The user that the person is linked to."""
        key = (channel, external_id)
        until, user_id = self._known.get(key, (0.0, None))
        if until <= self._clock():
            user_id = await self._store.user_of(channel, external_id)
            if len(self._known) >= REMEMBER_MOST:
                self._known.clear()
            self._known[key] = (self._clock() + REMEMBER_S, user_id)
        return user_id

    def unlinked_user(self, channel: ChannelName, external_id: str) -> UserId:
        """The user that the person is without a link."""
        return self._user_ids.unlinked(channel, external_id)

    def guess(self, channel: ChannelName, external_id: str) -> UserId | None:
        """The last known user, however old; None if nobody has asked yet. T1 finds out if it is wrong."""
        return self._known.get((channel, external_id), (0.0, None))[1]

    def forget(self, channel: ChannelName, external_id: str) -> None:
        """Forgets the person's user, which is out of date."""
        self._known.pop((channel, external_id), None)

    async def invite(self, user_id: UserId, channel: ChannelName) -> Invitation:
        """Creates a code with which somebody on that network becomes this user.

        Raises `TooManyRequests`, and `Conflict` while the network is off.
        """
        prefix = self._deep_links.get(channel)
        if prefix is None:
            raise Conflict(self._off.get(channel, f"The bot of {channel} is not known yet. Try again in a moment."))
        code, expires_at = await self._new_code(user_id, channel, None)
        return Invitation(code, prefix + code, expires_at)

    async def invite_anywhere(self, user_id: UserId) -> Invitation:
        """The same for the first network that supports links; raises like `invite`."""
        channel = next(iter([*self._deep_links, *self._off]), None)
        if channel is None:
            raise Conflict("No network is ready for linking. Try again in a moment.")
        return await self.invite(user_id, channel)

    async def own_code(self, person: Person) -> str:
        """Creates a code with which a signed-in user claims that person's account. Raises `TooManyRequests`."""
        code, _ = await self._new_code(self._unlinked(person), person.channel, person)
        return code

    async def redeem(self, code: str, person: Person) -> Linked | None:
        """Links the person to the user whose code it is; None for an invalid code.

        Raises `Conflict` if the person is linked to another user, and `TooManyRequests`.
        """
        self._tries.check(self._unlinked(person))
        return await self._linked(await self._store.redeem(_digest(code), person) if _CODE.fullmatch(code) else None)

    async def redeem_for(self, code: str, user_id: UserId) -> Linked | None:
        """Links the person whose code it is to this user; otherwise like `redeem`."""
        self._tries.check(user_id)
        found = await self._store.redeem_for(_digest(code), user_id) if _CODE.fullmatch(code) else None
        return await self._linked(found)

    async def void(self, code: str, person: Person) -> None:
        """Voids a code that others have seen. Raises `TooManyRequests`."""
        self._tries.check(self._unlinked(person))
        await self._store.void(_digest(code))

    async def list(self, user_id: UserId | None) -> Sequence[Link]:
        """Oldest first; None: all users', for operators."""
        return await self._store.list(user_id)

    async def unlink(self, link_id: UUID, user_id: UserId | None) -> Link:
        """Ends a link: here immediately, on other replicas within seconds. Raises `NotFound`."""
        link = await self._store.delete(link_id, user_id)
        self.forget(link.person.channel, link.person.external_id)
        return link

    async def unlink_person(self, person: Person) -> Link | None:
        """Ends the person's own link; None if there is none."""
        link = await self._store.delete_person(person.channel, person.external_id)
        self.forget(person.channel, person.external_id)
        return link

    async def _new_code(self, user_id: UserId, channel: ChannelName, person: Person | None) -> tuple[str, datetime]:
        self._made.check(user_id)
        code = secrets.token_urlsafe(CODE_BYTES)
        return code, await self._store.add_code(_digest(code), user_id, channel, person, LIFETIME)

    async def _linked(self, link: Link | None) -> Linked | None:
        if link is None:
            return None
        self.forget(link.person.channel, link.person.external_id)
        unlinked = self._unlinked(link.person)
        return Linked(link, unlinked, await self._store.sessions_of(unlinked))

    def _unlinked(self, person: Person) -> UserId:
        return self.unlinked_user(person.channel, person.external_id)


def staying_text(linked: Linked) -> str:
    """Says what happens to the conversations from before a link."""
    if not linked.staying:
        return "No conversation was moved."
    count = "one conversation stays" if linked.staying == 1 else f"{linked.staying} conversations stay"
    return f"No conversation was moved: {count} with {linked.unlinked}."


def _digest(code: str) -> bytes:
    """SHA-256, which is enough for secrets that can't be guessed."""
    return hashlib.sha256(code.encode()).digest()
