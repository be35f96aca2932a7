"""The port to networks that replies are pushed to, and what polling networks need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from gateway.core.model import Address, ChannelName
from gateway.core.outbound import Chunk

MayLeave: TypeAlias = Callable[[], bool]
"""Whether the chunk is certainly still this replica's to send."""


class Channel(Protocol):
    """A network that replies are pushed to. A WebSocket needs none of this: its client reads rows by `seq`."""

    @property
    def name(self) -> ChannelName: ...

    def render(self, content: str) -> Sequence[Chunk]:
        """Splits and formats a reply; pure. Returns at least one chunk for any text."""
        ...

    async def ready(self, address: Address) -> None:
        """Waits until the network accepts a chunk for that address. Raises `DeliveryRefused` or `DeliveryDeferred`."""
        ...

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        """Sends one chunk, immediately. Raises `DeliveryRefused`, `DeliveryDeferred` or `DeliveryUnknown`.

        Calls `may_leave` as late as possible, when the connection is open and the bytes are about to be written. If it
        returns False, sends nothing and raises `DeliveryDeferred`: another replica may have sent the chunk.
        """
        ...

    async def typing(self, address: Address) -> None:
        """Shows that an answer is being written, for about five seconds; never raises `DeliveryError`."""
        ...


class PollLeases(Protocol):
    """At most one replica polls each account (a bot) at a time; when it dies, another takes over."""

    async def hold(self, account: str) -> bool:
        """Takes or renews the lease for this replica; False while another live replica holds it."""
        ...

    async def give_up(self, account: str) -> None: ...


class Quarantine(Protocol):
    """Keeps updates that cannot be processed for inspection, so that they block nobody."""

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        """Stores it once per (account, key)."""
        ...


class Moves(Protocol):
    """Renames routes and addresses: when a network gives a conversation a new address, its sessions continue there."""

    async def move(self, old: str, new: str) -> None:
        """Changes the prefix of all routes and addresses from `old` to `new`: for every user, all or none.

        Where both had a current session, the one with the latest message stays current. May be repeated.
        Raises `StoreUnavailable`.
        """
        ...
