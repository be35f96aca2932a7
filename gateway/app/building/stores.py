"""The database, embedded or configured, and the stores on it; also for commands that need no gateway."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

import storage.migrating.migrate
from channels.table import known_channels
from gateway.app.watching.heartbeat_thread import OwnStores
from gateway.config import Settings
from gateway.core.live.notifications import EVERYTHING, written
from gateway.core.model import ReplicaId
from gateway.core.ports.agent_data import AgentDataStore
from gateway.core.ports.approvals import ApprovalStore
from gateway.core.ports.broadcast import Broadcast
from gateway.core.ports.channels import Moves, PollLeases, Quarantine
from gateway.core.ports.live import ChangeFeed
from gateway.core.ports.outbox import OutboxStore
from gateway.core.ports.routes import Routes
from gateway.core.ports.schedules import ScheduleStore
from gateway.core.ports.sessions.changes import SessionChanges
from gateway.core.ports.sessions.editing import EditStore
from gateway.core.ports.sessions.exports import ExportStore
from gateway.core.ports.sessions.external_keys import ExternalKeys
from gateway.core.ports.sessions.imported_transcripts import ImportedTranscripts
from gateway.core.ports.sessions.recent_activity import RecentActivity
from gateway.core.ports.sessions.search import SearchStore
from gateway.core.ports.sessions.sessions import MessageStore, SessionStore
from gateway.core.ports.sessions.state import SnapshotStore, StateStore
from gateway.core.ports.sessions.word_index import WordIndex
from gateway.core.ports.turn_log import TurnLog
from gateway.core.ports.turns import Replicas, TurnStore
from gateway.core.ports.usage import UsageStore
from gateway.core.ports.users.erasure import ErasureStore
from gateway.core.ports.users.links import LinkStore
from gateway.core.ports.users.tokens import TokenStore
from gateway.core.ports.users.visitors import VisitorStore
from gateway.core.ports.work_finder import WorkFinder
from gateway.errors import SettingsError, StoreUnavailable
from storage.agent_data import PostgresAgentData
from storage.database import Database, open_pools
from storage.embedded import embedded_postgres
from storage.embedded import running_url as embedded_url
from storage.embedded.layout import Layout
from storage.identity import APP_ROLE, SYSTEM_ROLE, Logins
from storage.migrating.phases import is_post
from storage.pools import USUAL, Timeouts
from storage.replicas.broadcast import PostgresBroadcast
from storage.replicas.replicas import PostgresChangeFeed, PostgresPollLeases, PostgresQuarantine, PostgresReplicas
from storage.replicas.work_finder import PostgresWorkFinder
from storage.schedules import PostgresSchedules
from storage.sessions.editing import PostgresEdits
from storage.sessions.exports import PostgresExports
from storage.sessions.external_keys import PostgresExternalKeys
from storage.sessions.imported_transcripts import PostgresImportedTranscripts
from storage.sessions.recent_activity import PostgresRecentActivity
from storage.sessions.routes import PostgresRoutes
from storage.sessions.search import PostgresSearch
from storage.sessions.session_changes import PostgresSessionChanges
from storage.sessions.sessions import PostgresMessages, PostgresSessions
from storage.sessions.snapshots import PostgresSnapshots
from storage.sessions.state import PostgresStates
from storage.sessions.word_index import PostgresWordIndex
from storage.turns.approvals import PostgresApprovals
from storage.turns.loop_blocks import PostgresLoopBlocks
from storage.turns.moves import PostgresMoves
from storage.turns.outbox import PostgresOutbox
from storage.turns.turn_log import PostgresTurnLog
from storage.turns.turns import PostgresTurns
from storage.turns.usage import PostgresUsage
from storage.users.erasure import PostgresErasure
from storage.users.links import PostgresLinks
from storage.users.tokens import PostgresTokens
from storage.users.visitors import PostgresVisitors

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """Every store, on one database."""

    database: Database
    replicas: Replicas
    work_finder: WorkFinder
    turns: TurnStore
    approvals: ApprovalStore
    turn_log: TurnLog
    usage: UsageStore
    sessions: SessionStore
    session_changes: SessionChanges
    recent_activity: RecentActivity
    messages: MessageStore
    imported_transcripts: ImportedTranscripts
    search: SearchStore
    word_index: WordIndex
    edits: EditStore
    external_keys: ExternalKeys
    states: StateStore
    snapshots: SnapshotStore
    agent_data: AgentDataStore
    outbox: OutboxStore
    schedules: ScheduleStore
    tokens: TokenStore
    links: LinkStore
    exports: ExportStore
    erasure: ErasureStore
    routes: Routes
    visitors: VisitorStore
    leases: PollLeases
    quarantine: Quarantine
    moves: Moves
    feed: ChangeFeed
    broadcast: Broadcast
    of_its_own: Callable[[], AbstractAsyncContextManager[OwnStores]]
    """Opens stores on another connection, for another event loop than the main one."""


def database_url(settings: Settings) -> str:
    """Returns the URL of the database in use; starts nothing."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return Layout.of(settings.data_dir).url


def database_logins(settings: Settings) -> Logins:
    """Returns the logins of the gateway's pools."""
    own = settings.database
    if own.app_url is not None and own.system_url is not None:
        return Logins(own.app_url.get_secret_value(), own.system_url.get_secret_value(), own=True)
    if settings.database_url is not None:
        return Logins.shared(settings.database_url.get_secret_value())
    layout = Layout.of(settings.data_dir)
    return Logins(layout.url_as(APP_ROLE), layout.url_as(SYSTEM_ROLE), own=True)


def listening_url(settings: Settings) -> str:
    """Returns the URL for listening to other replicas: the pools may go through a pooler, where LISTEN does not work."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return Layout.of(settings.data_dir).url_as(APP_ROLE)


@asynccontextmanager
async def open_postgres(settings: Settings) -> AsyncIterator[str]:
    """Yields the owner's URL of a running database: the configured one, or the embedded one, which stops with its last user."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    log.info("database_starting", kind="embedded", data_dir=str(settings.data_dir))
    async with embedded_postgres(settings.data_dir) as url:
        yield url


@asynccontextmanager
async def connect_stores(settings: Settings, slot: str, timeouts: Timeouts = USUAL) -> AsyncIterator[Stores]:
    """Yields the stores of one replica. Does not connect yet."""
    logins = database_logins(settings)
    database = await open_pools(logins, timeouts=timeouts)
    replica_id = ReplicaId(uuid.uuid4())
    ttl = timedelta(seconds=settings.replica.ttl_s)
    window = timedelta(minutes=settings.sessions.resume_minutes)
    turns = PostgresTurns(database, replica_id, window, settings.sessions.max_state)
    try:
        yield Stores(
            database=database,
            replicas=PostgresReplicas(database, replica_id, slot, ttl),
            work_finder=PostgresWorkFinder(database, replica_id),
            turns=turns,
            approvals=PostgresApprovals(database),
            exports=PostgresExports(database),
            erasure=PostgresErasure(database),
            turn_log=PostgresTurnLog(database),
            usage=PostgresUsage(database),
            sessions=PostgresSessions(database, window),
            session_changes=PostgresSessionChanges(database),
            recent_activity=PostgresRecentActivity(database),
            messages=PostgresMessages(database),
            imported_transcripts=PostgresImportedTranscripts(database),
            search=PostgresSearch(database),
            word_index=PostgresWordIndex(database, replica_id),
            edits=PostgresEdits(database, replica_id),
            external_keys=PostgresExternalKeys(database),
            states=PostgresStates(database, settings.sessions.max_state),
            snapshots=PostgresSnapshots(database),
            agent_data=PostgresAgentData(database),
            outbox=PostgresOutbox(database, replica_id),
            schedules=PostgresSchedules(database, turns),
            tokens=PostgresTokens(database),
            links=PostgresLinks(database, settings.limits.links_per_user),
            routes=PostgresRoutes(database, window),
            visitors=PostgresVisitors(database),
            leases=PostgresPollLeases(database, replica_id),
            quarantine=PostgresQuarantine(database),
            moves=PostgresMoves(database),
            feed=PostgresChangeFeed(database, replica_id),
            broadcast=PostgresBroadcast(database, listening_url(settings)),
            of_its_own=partial(_own_stores, logins, replica_id, slot, ttl),
        )
    finally:
        await database.close()


@asynccontextmanager
async def _own_stores(logins: Logins, replica_id: ReplicaId, slot: str, ttl: timedelta) -> AsyncIterator[OwnStores]:
    database = await open_pools(logins)
    try:
        yield OwnStores(PostgresReplicas(database, replica_id, slot, ttl), PostgresLoopBlocks(database))
    finally:
        await database.close()


def _is_new(settings: Settings) -> bool:
    """Whether the embedded database has not been created yet."""
    return settings.database_url is None and embedded_url(settings.data_dir) is None


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Yields the stores for a command on existing data; starts the embedded database if it does not run, and stops it again.

    Raises `SettingsError` if there is no data or migrations are pending, `StoreUnavailable` if the database is unavailable.
    """
    if _is_new(settings):
        raise SettingsError(
            f"There is no gateway data in {settings.data_dir.expanduser().resolve()}. "
            "Change to your gateway's folder, or give its data dir with --data-dir."
        )
    async with open_or_create_stores(settings) as stores:
        yield stores


@asynccontextmanager
async def open_or_create_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Like `open_stores`, for a command that adds something: creates and migrates an embedded database that does not exist yet.

    Raises `SettingsError` if migrations are pending, `StoreUnavailable` if the database is unavailable.
    """
    is_new = _is_new(settings)
    async with open_postgres(settings) as url:
        if is_new:
            await storage.migrating.migrate.migrate(url)
        elif waiting := [name for name in await storage.migrating.migrate.pending_migrations(url) if not is_post(name)]:
            raise SettingsError(await _what_to_do(url, len(waiting)))
        async with connect_stores(settings, slot="command") as stores:
            try:
                yield stores
            finally:
                await _notify_gateways(stores.broadcast)


async def _what_to_do(url: str, waiting: int) -> str:
    if await storage.migrating.migrate.is_new(url):
        return "The database is still empty. Run `turngate serve` or `turngate migrate` to set it up."
    return f"The database has {waiting} pending migrations. Run `turngate migrate`, or start the gateway with `turngate serve`."


async def _notify_gateways(broadcast: Broadcast) -> None:
    """A command may have changed anything: running gateways check at once instead of a little later."""
    with suppress(StoreUnavailable):
        await broadcast.send(written("command", {EVERYTHING}))


async def migrate(settings: Settings) -> list[str]:
    """Brings the schema up to date; returns the names of what was applied."""
    async with open_postgres(settings) as url:
        return await storage.migrating.migrate.migrate(url, channels=known_channels())


async def pending_migrations(settings: Settings) -> list[str]:
    """Returns the names of what `migrate` would apply; leaves no embedded database behind where there was none."""
    with leaving_nothing(settings) as unchanged:
        return await _pending(unchanged)


@contextmanager
def leaving_nothing(settings: Settings) -> Iterator[Settings]:
    """Yields settings for a command that only looks: the first start of an embedded database takes place in a temporary data dir."""
    if not _is_new(settings):
        yield settings
        return
    with TemporaryDirectory(prefix="turngate-") as folder:
        # Root starts the server as another account, which has to get through.
        Path(folder).chmod(0o711)
        yield settings.model_copy(update={"data_dir": Path(folder, "data")})


async def _pending(settings: Settings) -> list[str]:
    async with open_postgres(settings) as url:
        return await storage.migrating.migrate.pending_migrations(url, channels=known_channels())
