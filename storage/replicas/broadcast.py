"""Notifications between replicas by LISTEN and NOTIFY (PostgreSQL's manual, "NOTIFY"): one connection listens, the pools send."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from gateway.core.tasks.waiting import happens
from gateway.errors import NotificationsUnavailable, StoreUnavailable
from storage.connections import AWAY, Connection, PatientConnection
from storage.database import Database
from storage.pools import ACQUIRE_TIMEOUT_S, OWN_WORK_TIMEOUT_S, SESSION_SETTINGS
from storage.queries import load_queries

SQL = load_queries("broadcast")
CHANNEL = "turngate_news"
PROOF = "proof:"
"""Prefix of what a listener sends itself to check that it still receives; meant for nobody else."""
PROVE_S = 5.0
PROVE_EVERY_S = 30.0
NO_NOTIFICATIONS = (
    "No notifications arrive on the connection of TURNGATE_DATABASE_URL: LISTEN does not work through a pooler in transaction "
    "mode. The gateway polls for news from other replicas every replica.poll_s seconds instead. Point that URL at the server itself "
    "(docs/operations.md, Connection poolers)."
)


@dataclass(slots=True)
class Line:
    """What one connection receives. `ended`: it will receive nothing more."""

    hear: Callable[[str], None]
    expected: str = ""
    proved: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, _connection: object, _pid: int, _channel: str, text: object) -> None:
        """Called by asyncpg for each notification."""
        if not isinstance(text, str):
            return
        if not text.startswith(PROOF):
            self.hear(text)
        elif text == self.expected:
            self.proved.set()

    def end(self, _connection: object) -> None:
        """Called by asyncpg when the connection has ended."""
        self.ended.set()
        self.proved.set()


@dataclass(frozen=True, slots=True)
class PostgresBroadcast:
    """`Broadcast` on Postgres. `url`: where it listens; a direct connection receives even if the pools go through a pooler."""

    database: Database
    url: str
    prove_every_s: float = PROVE_EVERY_S
    prove_s: float = PROVE_S

    async def send(self, text: str) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["notify"], CHANNEL, text)

    async def check(self) -> None:
        """Raises `NotificationsUnavailable` if LISTEN does not work, and `StoreUnavailable`."""
        line = Line(_nothing)
        async with self._listening(line):
            if not await self._proves(line):
                raise NotificationsUnavailable(NO_NOTIFICATIONS)

    async def listen(self, hear: Callable[[str], None], begun: Callable[[], None]) -> None:
        line = Line(hear)
        async with self._listening(line):
            if not await self._proves(line):
                raise NotificationsUnavailable(NO_NOTIFICATIONS)
            begun()
            while not await happens(line.ended, self.prove_every_s):
                if not await self._proves(line):
                    raise StoreUnavailable("The listening connection no longer receives anything.")
        raise StoreUnavailable("The listening connection has ended.")

    async def _proves(self, line: Line) -> bool:
        """Whether what the pools send arrives. Raises `StoreUnavailable` if they cannot send, or the connection has ended."""
        line.proved.clear()
        line.expected = PROOF + secrets.token_hex(8)
        await self.send(line.expected)
        if not await happens(line.proved, self.prove_s):
            return False
        if line.ended.is_set():
            raise StoreUnavailable("The listening connection has ended.")
        return True

    @asynccontextmanager
    async def _listening(self, line: Line) -> AsyncIterator[None]:
        """Opens a connection of its own, which sees no rows. Raises `StoreUnavailable`."""
        try:
            connection = await self._connect()
        except (*AWAY, asyncpg.PostgresError) as error:
            raise StoreUnavailable(f"No connection is listening ({type(error).__name__}).") from error
        try:
            connection.add_termination_listener(line.end)
            await connection.add_listener(CHANNEL, line.take)
            yield
        except (*AWAY, asyncpg.PostgresError) as error:
            raise StoreUnavailable(f"No connection is listening ({type(error).__name__}).") from error
        finally:
            # A graceful close might wait for a server that does not respond.
            connection.terminate()

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self.url,
            connection_class=PatientConnection,
            timeout=ACQUIRE_TIMEOUT_S,
            command_timeout=OWN_WORK_TIMEOUT_S,
            server_settings={"application_name": "turngate", **SESSION_SETTINGS},
        )


def _nothing(_text: str) -> None:
    return None
