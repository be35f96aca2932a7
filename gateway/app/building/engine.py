"""The core, built on stores; every edge is built around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channels.table import USER_IDS, open_networks
from gateway.app.building.agents import ConfiguredAgents, configured_agents
from gateway.app.building.inbound import Inbound, build_inbound
from gateway.app.building.live_events import build_live_events
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.building.turns import build_turns
from gateway.app.watching.health import Health
from gateway.config import Settings
from gateway.core.delivery.outbox import Outbox
from gateway.core.intake.approvals import Approvals
from gateway.core.intake.editing import Editing
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.callers import Callers
from gateway.core.live.announcer import Announcer
from gateway.core.live.live_turns import LiveTurns
from gateway.core.model import AgentName, ChannelName
from gateway.core.networks import ChannelParts, Network
from gateway.core.ports.agents import Agent
from gateway.core.ports.channels import Channel
from gateway.core.replicas.notifier import Notifier
from gateway.core.replicas.on_demand import OnDemand
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.service import Intake
from gateway.core.titles.titling import Titler
from gateway.core.turns.pulse import Heartbeat
from gateway.core.turns.resumption import Resumption
from gateway.core.turns.runner import Runner
from gateway.core.users.links import Links
from gateway.core.users.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Engine:
    """Accepts messages, runs their turns and sends the replies."""

    bus: LiveTurns
    announcer: Announcer
    other_replicas: OtherReplicas
    notifier: Notifier
    heartbeat: Heartbeat
    health: Health
    outbox: Outbox
    runner: Runner
    adding_up: OnDemand
    callers: Callers
    message_rates: MessageRates
    intake: Intake
    approvals: Approvals
    resumption: Resumption
    titler: Titler
    editing: Editing
    links: Links
    visitors: Visitors
    networks: tuple[Network, ...]
    agents: Mapping[AgentName, Agent]
    configured: ConfiguredAgents


def build_engine(settings: Settings, stores: Stores, seams: Seams) -> Engine:
    """Raises `SettingsError` for an agent or a channel that cannot be built from the settings."""
    agents = configured_agents(settings, stores.agent_data)
    live_events = build_live_events(stores, settings.turns.concurrency)
    heartbeat = Heartbeat(stores.replicas, settings.replica)
    health = Health(stores.database, heartbeat)
    channels: dict[ChannelName, Channel] = {}  # filled below: networks are built with the intake, which pushes to them
    turns = build_turns(stores, seams, agents, live_events, heartbeat, channels)
    inbound = build_inbound(stores, seams, agents, live_events, turns, health.accepting)
    message_rates = MessageRates(settings.limits, USER_IDS)
    networks = tuple(open_networks(settings, _channel_parts(stores, agents, inbound, message_rates)))
    channels.update({network.name: seams.channel(network) for network in networks})
    health.watch(networks)
    return Engine(
        bus=live_events.bus,
        announcer=live_events.announcer,
        other_replicas=live_events.other_replicas,
        notifier=live_events.notifier,
        heartbeat=heartbeat,
        health=health,
        outbox=turns.outbox,
        runner=turns.runner,
        adding_up=turns.adding_up,
        callers=turns.callers,
        message_rates=message_rates,
        intake=inbound.intake,
        approvals=inbound.approvals,
        resumption=turns.resumption,
        titler=turns.titler,
        editing=inbound.editing,
        links=inbound.links,
        visitors=Visitors(stores.visitors, seams.clock),
        networks=networks,
        agents=agents.agents,
        configured=agents,
    )


def _channel_parts(stores: Stores, agents: ConfiguredAgents, inbound: Inbound, rates: MessageRates) -> ChannelParts:
    return ChannelParts(
        inbound.intake,
        stores.leases,
        stores.quarantine,
        stores.moves,
        links=inbound.links,
        routes=stores.routes,
        rates=rates,
        agents=agents.names,
        public_url=agents.settings.public_url,
    )
