"""Builds a gateway out of its parts. Nothing runs yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web

import gateway.api
from channels.table import Network, NetworkParts, open_networks
from channels.websocket.endpoint import WebSocketChannel, WebSocketParts
from channels.websocket.origin import OriginRule
from gateway.agents.registry import build_agents, terms_of
from gateway.api.auth import TokenAuthenticator
from gateway.api.credentials import load_secret_key
from gateway.api.logins import Logins
from gateway.api.parts import ApiParts, agent_infos
from gateway.api.server import build_api
from gateway.api.visitors import VisitorPasses
from gateway.app.health import Health
from gateway.app.stores import Stores
from gateway.config import Settings
from gateway.core.announcer import Announcer
from gateway.core.bus import LocalBus
from gateway.core.commands import Commands
from gateway.core.dispatcher import Dispatcher, DispatcherParts
from gateway.core.follow import Follower
from gateway.core.model import AgentName, ChannelName
from gateway.core.outbox import Outbox
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.ports.channels import Channel
from gateway.core.pulse import Heartbeat, Sweep
from gateway.core.runner import Runner, RunnerParts
from gateway.errors import NotFound
from scheduler.ticker import Scheduler
from scheduler.triggers import first_fire

STATIC = Path(gateway.api.__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway, built and not yet running."""

    settings: Settings
    stores: Stores
    health: Health
    heartbeat: Heartbeat
    sweep: Sweep
    follower: Follower
    outbox: Outbox
    runner: Runner
    dispatcher: Dispatcher
    scheduler: Scheduler
    networks: tuple[Network, ...]
    agents: tuple[Agent, ...]
    sockets: WebSocketChannel
    authenticator: TokenAuthenticator
    api: web.Application


def _terms(known: Mapping[AgentName, TurnTerms], agent: AgentName) -> TurnTerms:
    if (terms := known.get(agent)) is None:
        raise NotFound(f"There is no agent {agent} in the settings.")
    return terms


def build_gateway(settings: Settings, stores: Stores) -> Gateway:
    """Raises `SettingsError` for an agent or a channel that cannot be built as the settings say."""
    agents = build_agents(settings.agents, settings.turns)
    terms = {AgentName(name): terms_of(agent, settings.turns) for name, agent in settings.agents.items()}
    secret_key = load_secret_key(settings)
    bus = LocalBus()
    announcer = Announcer(bus)
    heartbeat = Heartbeat(stores.replicas, settings.replica)
    channels: dict[ChannelName, Channel] = {}  # filled below: networks take messages in through what sends to them
    outbox = Outbox(channels, stores.outbox, heartbeat)
    runner = Runner(
        RunnerParts(
            agents=agents,
            terms=terms,
            channels=channels,
            turns=stores.turns,
            outbox=outbox,
            announcer=announcer,
            concurrency=settings.turns.concurrency,
            max_attempts=settings.turns.max_attempts,
            max_reply=settings.turns.max_reply,
        )
    )
    health = Health(stores.database, heartbeat)
    dispatcher = Dispatcher(
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
    networks = tuple(open_networks(NetworkParts(settings, dispatcher, stores.leases, stores.quarantine)))
    channels.update({network.name: network for network in networks})
    health.watch(networks)
    scheduler = Scheduler(stores.schedules, dispatcher, partial(_terms, terms))
    authenticator = TokenAuthenticator(stores.tokens, VisitorPasses(secret_key), Logins(settings.auth))
    sockets = WebSocketChannel(
        WebSocketParts(
            intake=dispatcher,
            sessions=stores.sessions,
            messages=stores.messages,
            bus=bus,
            authenticator=authenticator,
            settings=settings,
        )
    )
    api = build_api(
        ApiParts(
            settings=settings,
            secret_key=secret_key,
            authenticator=authenticator,
            intake=dispatcher,
            sessions=stores.sessions,
            messages=stores.messages,
            schedules=stores.schedules,
            tokens=stores.tokens,
            agents=agent_infos(settings),
            first_fire=first_fire,
            run_schedule=scheduler.run_now,
            readiness=health.readiness,
            static_dir=STATIC,
            origin_allowed=OriginRule(settings.web.allowed_origins, settings.public_url).allows,
        )
    )
    return Gateway(
        settings=settings,
        stores=stores,
        health=health,
        heartbeat=heartbeat,
        sweep=Sweep(
            turns=stores.turns,
            runner=runner,
            outbox_store=stores.outbox,
            outbox=outbox,
            heartbeat=heartbeat,
            every_s=settings.replica.sweep_s,
        ),
        follower=Follower(stores.feed, bus, announcer, runner, settings.replica.poll_s),
        outbox=outbox,
        runner=runner,
        dispatcher=dispatcher,
        scheduler=scheduler,
        networks=networks,
        agents=tuple(agents.values()),
        sockets=sockets,
        authenticator=authenticator,
        api=api,
    )
