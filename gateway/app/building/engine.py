"""The core, built on stores; every edge is built around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channels.table import open_networks, switched_off
from gateway.agents.registry import build_agents, terms_of
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.watching.health import Health
from gateway.config import Settings
from gateway.core.delivery.outbox import Outbox
from gateway.core.intake.commands import Commands, CommandsParts
from gateway.core.intake.dispatcher import Dispatcher, DispatcherParts
from gateway.core.intake.editing import Editing, EditingParts
from gateway.core.intake.linking import LinkCommands
from gateway.core.intake.message_rates import MessageRates
from gateway.core.intake.switching import Switching, SwitchingParts
from gateway.core.limits.callers import Callers
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.shares import Shares
from gateway.core.live.announcer import Announcer
from gateway.core.live.bus import LocalBus
from gateway.core.live.live_turns import LiveTurns
from gateway.core.model import AgentName, ChannelName
from gateway.core.networks import ChannelParts, Network
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.replicas.notifier import Notifier
from gateway.core.replicas.other_replicas import OtherReplicas
from gateway.core.service import Intake
from gateway.core.titles.spare_capacity import SpareCapacity
from gateway.core.titles.titling import Titler, TitlerParts
from gateway.core.turns.pulse import Heartbeat
from gateway.core.turns.runner import Runner, RunnerParts
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
    callers: Callers
    message_rates: MessageRates
    intake: Intake
    titler: Titler
    editing: Editing
    links: Links
    visitors: Visitors
    networks: tuple[Network, ...]
    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]


def build_engine(settings: Settings, stores: Stores, seams: Seams) -> Engine:
    """Raises `SettingsError` for an agent or a channel that cannot be built from the settings."""
    agents = build_agents(settings.agents, settings.turns)
    terms = {AgentName(name): terms_of(agent, settings.turns) for name, agent in settings.agents.items()}
    bus = LiveTurns(LocalBus(), most=2 * settings.turns.concurrency)
    other_replicas = OtherReplicas()
    notifier = Notifier(stores.wire, other_replicas, str(stores.replicas.replica_id))
    announcer = Announcer(bus, notifier.changed, notifier.deleted)
    heartbeat = Heartbeat(stores.replicas, settings.replica)
    health = Health(stores.database, heartbeat)
    channels: dict[
        ChannelName, Channel
    ] = {}  # filled below: networks take messages in through objects that send to them
    outbox = Outbox(channels, stores.outbox, heartbeat)
    callers, message_rates = Callers(), MessageRates(settings.limits)
    spare_capacity = SpareCapacity(_rooms(settings))
    titler = Titler(
        TitlerParts(agents, _namers(settings), spare_capacity, stores.session_changes, stores.messages, announcer),
    )
    runner = Runner(
        RunnerParts(
            agents={name: seams.agent(agent) for name, agent in agents.items()},
            terms=terms,
            channels=channels,
            turns=stores.turns,
            outbox=outbox,
            lease=heartbeat,
            announcer=announcer,
            live=bus,
            slots=_slots(settings),
            callers=callers,
            spare_capacity=spare_capacity,
            max_attempts=settings.turns.max_attempts,
            max_reply=settings.turns.max_reply,
            cancelled_elsewhere=notifier.cancels,
            after=titler.after,
            states=stores.states,
            max_state=settings.sessions.max_state,
        )
    )
    links = Links(stores.links, switched_off(settings), seams.clock)
    switching = Switching(SwitchingParts(stores.sessions, stores.messages, stores.routes, _descriptions(settings)))
    intake = seams.intake(
        Dispatcher(
            DispatcherParts(
                turns=stores.turns,
                messages=stores.messages,
                commands=Commands(CommandsParts(stores.sessions, stores.turns, runner, switching, LinkCommands(links))),
                runner=runner,
                bus=bus,
                announcer=announcer,
                terms=terms,
                alive=health.accepting,
                max_text=settings.turns.max_text,
            )
        )
    )
    editing = Editing(
        EditingParts(
            store=stores.edits,
            sessions=stores.sessions,
            intake=intake,
            announcer=announcer,
            titler=titler,
            stop=runner.cancel,
            agents=agents,
            terms=terms,
            max_text=settings.turns.max_text,
        )
    )
    switching.forks_with(editing.fork)
    networks = tuple(open_networks(settings, _channel_parts(settings, stores, intake, links, message_rates)))
    channels.update({network.name: seams.channel(network) for network in networks})
    health.watch(networks)
    visitors = Visitors(stores.visitors, seams.clock)
    return Engine(
        bus,
        announcer,
        other_replicas,
        notifier,
        heartbeat,
        health,
        outbox,
        runner,
        callers,
        message_rates,
        intake,
        titler,
        editing,
        links,
        visitors,
        networks,
        agents,
        terms,
    )


def _channel_parts(
    settings: Settings, stores: Stores, intake: Intake, links: Links, rates: MessageRates
) -> ChannelParts:
    return ChannelParts(
        intake,
        stores.leases,
        stores.quarantine,
        stores.moves,
        links=links,
        routes=stores.routes,
        rates=rates,
        agents=sorted(map(AgentName, settings.agents), key=lambda name: name != settings.default_agent),
        public_url=settings.public_url,
    )


def _rooms(settings: Settings) -> Mapping[AgentName, int]:
    agents = settings.agents.items()
    return {AgentName(name): agent.concurrency for name, agent in agents if agent.concurrency is not None}


def _namers(settings: Settings) -> Mapping[AgentName, AgentName]:
    agents = settings.agents.items()
    return {AgentName(name): AgentName(agent.title_agent) for name, agent in agents if agent.title_agent is not None}


def _slots(settings: Settings) -> FairSlots:
    return FairSlots(
        Shares(
            settings.turns.concurrency,
            {str(name): room for name, room in _rooms(settings).items()},
            agents_share=len(settings.agents) > 1,
        )
    )


def _descriptions(settings: Settings) -> Mapping[AgentName, str | None]:
    names = sorted(settings.agents, key=lambda name: name != settings.default_agent)
    return {AgentName(name): settings.agents[name].description for name in names}
