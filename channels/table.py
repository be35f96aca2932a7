"""The table of networks that can be switched on. Another one is a folder beside this file and a line in `NETWORKS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

from aiohttp import web

from gateway.config import Settings
from gateway.core.intake.message_rates import MessageRates
from gateway.core.ports.channels import Channel, Moves, PollLeases, Quarantine
from gateway.core.ports.places import Places
from gateway.core.service import Intake
from gateway.core.users.links import Links

ChannelState = Literal["starting", "ready", "standby", "failed"]
"""`standby`: another replica does the work. `failed`: somebody has to mend the settings or the network's server."""


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a network is doing, for readiness and for people."""

    state: ChannelState
    detail: str


@dataclass(frozen=True, slots=True)
class NetworkRoute:
    """An HTTP route that a network needs, such as a webhook."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that a network's server should take, and how it did. Without an `essential` one the network can't be used."""

    method: str
    essential: bool
    works: bool
    detail: str


class Network(Channel, Protocol):
    """A channel with a life of its own."""

    @property
    def status(self) -> ChannelStatus: ...

    def routes(self) -> Sequence[NetworkRoute]: ...

    async def run(self) -> None:
        """Takes messages in until cancelled. Returns only when the settings rule it out; trouble is waited out."""
        ...

    async def close(self) -> None:
        """Ends `deliver` as well; called last."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkParts:
    """What a network is built with."""

    settings: Settings
    intake: Intake
    leases: PollLeases
    quarantine: Quarantine
    moves: Moves
    links: Links
    places: Places
    rates: MessageRates


@dataclass(frozen=True, slots=True)
class Listing:
    """`factory`: `package.module:function`, from `NetworkParts` to a `Network`; imported only when switched on."""

    factory: str
    is_on: Callable[[Settings], bool]


NETWORKS = {
    "telegram": Listing("channels.telegram.channel:create", lambda settings: settings.telegram.token is not None),
}


def open_networks(parts: NetworkParts) -> list[Network]:
    """All networks that are switched on, not yet running. Raises `SettingsError`."""
    return [_factory(listing)(parts) for listing in NETWORKS.values() if listing.is_on(parts.settings)]


def _factory(listing: Listing) -> Callable[[NetworkParts], Network]:
    module, _, function = listing.factory.partition(":")
    factory: Callable[[NetworkParts], Network] = getattr(import_module(module), function)
    return factory
