"""A network as a whole: what the gateway starts, watches and stops, and what a package offers to bring one."""

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
"""`standby`: another replica does the work. `failed`: somebody has to mend the settings or the network's server."""

SettingsT = TypeVar("SettingsT")


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a network is doing, for readiness and for people."""

    state: ChannelState
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """Something that a network's server should do, and whether it does. Without an `essential` one the network can't be used."""

    method: str
    essential: bool
    works: bool
    detail: str


class Network(Channel, Protocol):
    """A channel with a life of its own."""

    @property
    def status(self) -> ChannelStatus: ...

    async def run(self) -> None:
        """Takes messages in until cancelled. Returns only when the settings rule it out; trouble is waited out."""
        ...

    async def close(self) -> None:
        """Ends `deliver` as well; called last."""
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
    """How to make a network from its settings, whose model (pydantic) is `settings`.

    `build` connects to nothing yet; it raises `SettingsError` for settings that contradict others. `check` asks the network's server
    what it can do, essential things first, for `turngate doctor`; it raises `GatewayError` that says what is wrong.
    """

    settings: type[SettingsT]
    build: Callable[[SettingsT, ChannelParts], Network]
    check: Callable[[SettingsT, IsPolled], Awaitable[Sequence[CheckedCall]]] | None = None
