"""The seam to networks that replies are pushed to, and what polling ones need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from gateway.core.model import Address, ChannelName, Chunk

MayLeave: TypeAlias = Callable[[], bool]
"""Whether a chunk certainly still is this replica's to send."""


class Channel(Protocol):
    """A network that replies are pushed to. A WebSocket needs none of this: its client reads rows by `seq`."""

    @property
    def name(self) -> ChannelName: ...

    def render(self, content: str) -> Sequence[Chunk]:
        """Splits and formats a reply; pure. At least one chunk for any text."""
        ...

    async def ready(self, address: Address) -> None:
        """Waits until the network takes a chunk for that address. Raises `DeliveryRefused` or `DeliveryDeferred`."""
        ...

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        """Sends one chunk, at once. Raises `DeliveryRefused`, `DeliveryDeferred` or `DeliveryUnknown`.

        Asks `may_leave` as late as it can, when the connection is open and the bytes are about to be written. If the
        answer is no, nothing leaves and `DeliveryDeferred` is raised: another replica may have sent the chunk.
        """
        ...

    async def typing(self, address: Address) -> None:
        """Shows that an answer is being written, for about five seconds; never raises `DeliveryError`."""
        ...


class PollLeases(Protocol):
    """At most one replica polls each account (a bot) at a time; it fails over when its holder dies."""

    async def hold(self, account: str) -> bool:
        """Takes or renews the lease for this replica; False while another live replica holds it."""
        ...

    async def give_up(self, account: str) -> None: ...


class Quarantine(Protocol):
    """Where what cannot be understood is kept for a look, so that it blocks nobody."""

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        """Keeps it once per (account, key)."""
        ...


class Moves(Protocol):
    """Renames places: a network may give a conversation a new address, and its sessions go on there."""

    async def move(self, old: str, new: str) -> None:
        """All routes and addresses that begin with `old` begin with `new` from now on: every user's, all or none.

        Where both had a current session, the one with the latest message stays it. May be repeated.
        Raises `StoreUnavailable`.
        """
        ...
