"""Networks: what the gateway starts, monitors and stops, and what a package provides to add one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from gateway.core.intake.message_rates import MessageRates
from gateway.core.model import AgentName
from gateway.core.ports.channels import Channel, Moves, PollLeases, Quarantine
from gateway.core.ports.routes import Routes
from gateway.core.service import Intake
from gateway.core.users.links import Links

ChannelState = Literal["starting", "ready", "standby", "failed"]
"""`standby`: another replica does the work. `failed`: the settings or the network's server need fixing."""

SettingsT = TypeVar("SettingsT")


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """The state of a network, for readiness and for people."""

    state: ChannelState
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call that the network's server should support, and whether it does. Without an `essential` one the network is unusable."""

    method: str
    essential: bool
    works: bool
    detail: str


class Network(Channel, Protocol):
    """A channel that runs for as long as the gateway does."""

    @property
    def status(self) -> ChannelStatus: ...

    async def run(self) -> None:
        """Takes messages in until cancelled. Returns only if the settings make that impossible; waits out any other trouble."""
        ...

    async def close(self) -> None:
        """Called last; ends `deliver` as well."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelParts:
    """What a network is built with, besides its own settings. `agents`: the default one first."""

    intake: Intake
    leases: PollLeases
    quarantine: Quarantine
    moves: Moves
    links: Links
    routes: Routes
    rates: MessageRates
    agents: Sequence[AgentName]
    public_url: str | None


IsPolled = Callable[[str], Awaitable[bool]]
"""Whether a gateway may be polling an account now."""


@dataclass(frozen=True, slots=True)
class ChannelKind(Generic[SettingsT]):
    """How to build a network from its settings; `settings` is their pydantic model.

    `build` does not connect yet; it raises `SettingsError` for settings that contradict others. `check` asks the network's server
    what it supports, essential calls first, for `turngate doctor`; it raises a `GatewayError` that says what is wrong.
    """

    settings: type[SettingsT]
    build: Callable[[SettingsT, ChannelParts], Network]
    check: Callable[[SettingsT, IsPolled], Awaitable[Sequence[CheckedCall]]] | None = None
