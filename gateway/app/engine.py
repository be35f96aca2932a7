"""The core, built on stores: what every edge is then built around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channels.table import Network, NetworkParts, open_networks
from gateway.agents.registry import build_agents, terms_of
from gateway.app.health import Health
from gateway.app.seams import Seams
from gateway.app.stores import Stores
from gateway.config import Settings
from gateway.core.announcer import Announcer
from gateway.core.bus import LocalBus
from gateway.core.commands import Commands
from gateway.core.dispatcher import Dispatcher, DispatcherParts
from gateway.core.model import AgentName, ChannelName
from gateway.core.outbox import Outbox
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.pulse import Heartbeat
from gateway.core.runner import Runner, RunnerParts
from gateway.core.service import Intake


@dataclass(frozen=True, slots=True)
class Engine:
    """What takes messages in, runs their turns and sends the replies out."""

    bus: LocalBus
    announcer: Announcer
    heartbeat: Heartbeat
    health: Health
    outbox: Outbox
    runner: Runner
    intake: Intake
    networks: tuple[Network, ...]
    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]


def build_engine(settings: Settings, stores: Stores, seams: Seams) -> Engine:
    """Raises `SettingsError` for an agent or a channel that cannot be built as the settings say."""
    agents = build_agents(settings.agents, settings.turns)
    terms = {AgentName(name): terms_of(agent, settings.turns) for name, agent in settings.agents.items()}
    bus = LocalBus()
    announcer = Announcer(bus)
    heartbeat = Heartbeat(stores.replicas, settings.replica)
    health = Health(stores.database, heartbeat)
    channels: dict[ChannelName, Channel] = {}  # filled below: networks take messages in through what sends to them
    outbox = Outbox(channels, stores.outbox, heartbeat)
    runner = Runner(
        RunnerParts(
            agents={name: seams.agent(agent) for name, agent in agents.items()},
            terms=terms,
            channels=channels,
            turns=stores.turns,
            outbox=outbox,
            lease=heartbeat,
            announcer=announcer,
            concurrency=settings.turns.concurrency,
            max_attempts=settings.turns.max_attempts,
            max_reply=settings.turns.max_reply,
        )
    )
    intake = seams.intake(
        Dispatcher(
            DispatcherParts(
                turns=stores.turns,
                messages=stores.messages,
                commands=Commands(stores.sessions, stores.turns, runner),
                runner=runner,
                bus=bus,
                announcer=announcer,
                terms=terms,
                alive=health.accepting,
                max_text=settings.turns.max_text,
            )
        )
    )
    networks = tuple(open_networks(NetworkParts(settings, intake, stores.leases, stores.quarantine, stores.moves)))
    channels.update({network.name: seams.channel(network) for network in networks})
    health.watch(networks)
    return Engine(bus, announcer, heartbeat, health, outbox, runner, intake, networks, agents, terms)
