"""Builds a gateway from its parts. Nothing runs yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import gateway.api
from channels.table import USER_IDS, known_channels
from channels.webhooks import webhooks_of
from channels.websocket.endpoint import WebSocketChannel
from channels.websocket.limits import SocketLimits
from channels.websocket.origin import OriginRule
from channels.websocket.parts import Parts as WebSocketParts
from gateway.api.parts import ApiParts
from gateway.api.server import Api, build_api
from gateway.api.settings import ApiSettings
from gateway.app.building.chores import chores
from gateway.app.building.duties import Duties, DutyParts
from gateway.app.building.engine import Engine, build_engine
from gateway.app.building.notification_handler import NotificationHandler
from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.building.user_data import erasure_of
from gateway.app.watching.gauges import Gauges
from gateway.app.watching.heartbeat_thread import HeartbeatThread
from gateway.config import Settings
from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.wrong_tokens import WrongTokenLimiter
from gateway.core.model import AgentName
from gateway.core.replicas.change_reader import ChangeReader
from gateway.core.replicas.replica_listener import ReplicaListener
from gateway.core.replicas.work_poller import WorkPoller
from gateway.core.search.indexing import Indexer
from gateway.core.state.snapshots import AutoSnapshots, Restorer
from gateway.core.turns.pulse import Sweep
from gateway.core.users.erasure import Erasure
from gateway.identity.authenticator import TokenAuthenticator
from gateway.identity.credentials import load_secret_key
from gateway.identity.logins import Logins
from gateway.identity.passes import VisitorPasses
from scheduler.housekeeping import Housekeeping
from scheduler.ticker import Scheduler
from scheduler.triggers import first_fire

STATIC = Path(gateway.api.__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is built but not running yet."""

    settings: Settings
    stores: Stores
    engine: Engine
    heartbeat_thread: HeartbeatThread
    duties: Duties
    work_poller: WorkPoller
    change_reader: ChangeReader
    replica_listener: ReplicaListener
    indexer: Indexer
    housekeeping: Housekeeping
    scheduler: Scheduler
    sockets: WebSocketChannel
    authenticator: TokenAuthenticator
    api: Api


@dataclass(frozen=True, slots=True)
class Access:
    """Access control: what HTTP and WebSockets share."""

    secret_key: bytes
    authenticator: TokenAuthenticator
    wrong_tokens: WrongTokenLimiter
    origins: OriginRule
    clock: Callable[[], float]


def build_gateway(settings: Settings, stores: Stores, seams: Seams) -> Gateway:
    """Raises `SettingsError` for an agent or a channel that cannot be built from the settings."""
    stores = seams.stores(stores)
    engine = build_engine(settings, stores, seams)
    access = _access(settings, stores, engine, seams.clock)
    erasure = erasure_of(stores, engine.intake.cancel, engine.editing.delete_session)
    scheduler = Scheduler(stores.schedules, engine.intake, engine.configured.terms_of, engine.message_rates)
    change_reader = ChangeReader(
        feed=stores.feed,
        bus=engine.bus,
        announcer=engine.announcer,
        runner=engine.runner,
        other_replicas=engine.other_replicas,
        every_s=settings.replica.poll_s,
    )
    parts = _duty_parts(settings, stores, engine, scheduler, access.authenticator, erasure)
    duties = Duties(parts, change_reader.passed)
    engine.resumption.sweeps_with(duties.sweep.call)
    work_poller = WorkPoller(
        stores.work_finder, duties.known_work, duties.tell, engine.other_replicas, settings.replica.sweep_s
    )
    notifications = NotificationHandler(work_poller, change_reader, engine.notifier)
    proxies = AddressRule.of(settings.limits.trusted_proxies)
    sockets = WebSocketChannel(seams.sockets(_socket_parts(settings, stores, engine, access)), proxies)
    return Gateway(
        settings=settings,
        stores=stores,
        engine=engine,
        heartbeat_thread=HeartbeatThread(
            engine.heartbeat, engine.runner.turn_of, stores.of_its_own, settings.replica.blocked_s
        ),
        duties=duties,
        work_poller=work_poller,
        change_reader=change_reader,
        replica_listener=ReplicaListener(
            stores.broadcast,
            engine.other_replicas,
            str(stores.replicas.replica_id),
            notifications.handle,
            notifications.listening,
        ),
        indexer=Indexer(stores.word_index, settings.replica.index_s),
        housekeeping=Housekeeping(chores(settings, stores)),
        scheduler=scheduler,
        sockets=sockets,
        authenticator=access.authenticator,
        api=build_api(seams.api(_api_parts(settings, stores, engine, access, scheduler, erasure, sockets))),
    )


def _access(settings: Settings, stores: Stores, engine: Engine, clock: Callable[[], float]) -> Access:
    secret_key = load_secret_key(settings.secret_key, settings.data_dir)
    return Access(
        secret_key,
        TokenAuthenticator(
            stores.tokens,
            VisitorPasses(secret_key),
            engine.visitors,
            Logins(settings.auth, USER_IDS, clock),
            clock,
        ),
        WrongTokenLimiter(settings.limits.wrong_tokens_per_minute),
        OriginRule(settings.web.allowed_origins, settings.public_url),
        clock,
    )


def _duty_parts(  # noqa: PLR0917 - the parts, each of another kind
    settings: Settings,
    stores: Stores,
    engine: Engine,
    scheduler: Scheduler,
    authenticator: TokenAuthenticator,
    erasure: Erasure,
) -> DutyParts:
    quiet, every = settings.snapshots.quiet_s, settings.snapshots.every_s
    return DutyParts(
        runner=engine.runner,
        outbox=engine.outbox,
        sweep=Sweep(
            turns=stores.turns,
            approvals=stores.approvals,
            announcer=engine.announcer,
            runner=engine.runner,
            outbox_store=stores.outbox,
            outbox=engine.outbox,
            heartbeat=engine.heartbeat,
            settings=settings.replica,
        ),
        scheduler=scheduler,
        place_in_lists=stores.recent_activity.place_in_lists,
        states=AutoSnapshots(stores.snapshots, timedelta(seconds=quiet), timedelta(seconds=every)),
        visitors=engine.visitors,
        authenticator=authenticator,
        take_over=erasure.take_over,
        sweep_s=settings.replica.sweep_s,
    )


def _socket_parts(settings: Settings, stores: Stores, engine: Engine, access: Access) -> WebSocketParts:
    return WebSocketParts(
        intake=engine.intake,
        approvals=engine.approvals,
        accepting=engine.health.accepting,
        sessions=stores.sessions,
        messages=stores.messages,
        live=engine.bus,
        authenticator=access.authenticator,
        wrong_tokens=access.wrong_tokens,
        callers=engine.callers,
        visitors=engine.visitors,
        agents=frozenset(engine.agents),
        default_agent=AgentName(settings.default_agent),
        origins=access.origins,
        limits=SocketLimits(settings.limits, engine.message_rates),
        max_frame=settings.limits.max_frame,
    )


def _api_parts(  # noqa: PLR0917 - the parts, each of another kind
    settings: Settings,
    stores: Stores,
    engine: Engine,
    access: Access,
    scheduler: Scheduler,
    erasure: Erasure,
    sockets: WebSocketChannel,
) -> ApiParts:
    return ApiParts(
        settings=_api_settings(settings),
        secret_key=access.secret_key,
        authenticator=access.authenticator,
        wrong_tokens=access.wrong_tokens,
        callers=engine.callers,
        message_rates=engine.message_rates,
        intake=engine.intake,
        approvals=engine.approvals,
        announcer=engine.announcer,
        sessions=stores.sessions,
        session_changes=stores.session_changes,
        titler=engine.titler,
        turn_log=stores.turn_log,
        usage=stores.usage,
        exports=stores.exports,
        erasure=erasure,
        messages=stores.messages,
        external_keys=stores.external_keys,
        live=engine.bus,
        imported_transcripts=stores.imported_transcripts,
        search=stores.search,
        editing=engine.editing,
        states=stores.states,
        snapshots=stores.snapshots,
        restorer=Restorer(stores.snapshots, engine.announcer, engine.titler),
        schedules=stores.schedules,
        tokens=stores.tokens,
        user_ids=USER_IDS,
        links=engine.links,
        visitors=engine.visitors,
        agents=engine.configured.infos(),
        channels=known_channels(),
        first_fire=first_fire,
        run_schedule=scheduler.run_now,
        schedule_changed=partial(scheduler.expect, 0),
        readiness=engine.health.readiness,
        measure=Gauges(stores.database).refresh,
        sockets=sockets.handle,
        webhooks=webhooks_of(engine.networks),
        static_dir=STATIC,
        origin_allowed=access.origins.allows,
        clock=access.clock,
    )


def _api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        host=settings.host,
        public_url=settings.public_url,
        default_agent=settings.default_agent,
        web=settings.web,
        turns=settings.turns,
        limits=settings.limits,
    )
