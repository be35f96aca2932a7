"""A Telegram channel between a fake Bot API server and a recorder of the messages that it takes in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

import asyncpg
from pydantic import SecretStr

from channels.table import USER_IDS
from channels.telegram.channel import TelegramChannel
from channels.telegram.settings import Telegram
from channels.telegram.target import Target
from gateway.core.inbound import InboundMessage
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.settings import Limits
from gateway.core.model import Address, AgentName, ReplicaId, SessionId, TurnId, UserId
from gateway.core.networks import ChannelParts
from gateway.core.outbound import Chunk
from gateway.core.ports.sessions.sessions import TurnOutcome
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Acknowledge, Notice
from gateway.core.users.links import Links
from gateway.errors import StoreUnavailable
from storage.database import Database, open_database
from storage.replicas.replicas import PostgresPollLeases, PostgresQuarantine, PostgresReplicas
from storage.sessions.routes import PostgresRoutes
from storage.turns.moves import PostgresMoves
from storage.users.links import PostgresLinks
from tests.fakes.bot_api import FakeBotApi

TOKEN = "777:AAF-very-secret"
ADA, BOB, TEAM = 5, 6, -1_000_000_000_123
ADDRESS = Target(777, ADA).address


@dataclass
class Recorder:
    """Takes messages in and keeps them in a list; can be unavailable, answer with notices, fail, or delay a message."""

    taken: list[InboundMessage] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    away_for: set[int] = field(default_factory=set)
    answers: dict[str, Notice | Exception] = field(default_factory=dict)
    held_up: dict[str, asyncio.Event] = field(default_factory=dict)

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        self.tries[message.text] += 1
        if message.text in self.held_up:
            await self.held_up[message.text].wait()
        if any(f":{chat_id}:" in message.route for chat_id in self.away_for):
            raise StoreUnavailable("The database is away.")
        answer = self.answers.get(message.text)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.taken.append(message)
        return answer or Acceptance("accepted")

    def adopt(self, accepted: Acceptance) -> None:
        raise AssertionError("Telegram has nothing to adopt")

    async def cancel(self, turn_id: TurnId, user_id: UserId | None) -> None:
        raise AssertionError("Telegram cancels by chat command")

    async def wait(
        self, turn_id: TurnId, session_id: SessionId, user_id: UserId | None, timeout: float
    ) -> TurnOutcome | None:
        raise AssertionError("Telegram waits for no reply")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.taken]


@dataclass
class Gate:
    """The objects that a test works with."""

    channel: TelegramChannel
    intake: Recorder
    database: Database
    replica_id: ReplicaId
    running: asyncio.Task[None]

    async def sends(self, address: Address, chunk: Chunk) -> None:
        """Sends one chunk, as the outbox does."""
        await self.channel.ready(address)
        await self.channel.deliver(address, chunk, lambda: True)

    async def dies(self) -> None:
        """Other replicas declare this one dead, without its knowledge."""
        async with self.database.own_work() as connection:
            await connection.execute("UPDATE replicas SET expires_at = now() WHERE replica_id = $1", self.replica_id)

    async def kept(self) -> dict[str, str]:
        """Quarantined updates: reasons by key."""
        async with self.database.all_users() as connection:
            rows = await connection.fetch("SELECT key, reason FROM quarantine ORDER BY key")
        return {row["key"]: row["reason"] for row in rows}


class Opens(Protocol):
    """Opens a channel; `settings` are those of `telegram`."""

    def __call__(self, *, public_url: str | None = None, **settings: object) -> AbstractAsyncContextManager[Gate]: ...


def opens_telegram(
    fake: FakeBotApi, database_url: str, intake_of: Callable[[Database, ReplicaId], Recorder] = lambda *_: Recorder()
) -> Opens:
    """Channels of one bot, each in its own replica, on one database. `intake_of`: where a replica takes messages in."""

    @asynccontextmanager
    async def telegram(*, public_url: str | None = None, **settings: object) -> AsyncIterator[Gate]:
        given: dict[str, object] = {"token": SecretStr(TOKEN), "api_url": fake.url, "access": "open"}
        async with _replica(database_url) as (database, replica_id):
            intake = intake_of(database, replica_id)
            channel = TelegramChannel(
                Telegram.model_validate(given | settings),
                ChannelParts(
                    intake=intake,
                    leases=PostgresPollLeases(database, replica_id),
                    quarantine=PostgresQuarantine(database),
                    moves=PostgresMoves(database),
                    links=Links(PostgresLinks(database), USER_IDS, {}),
                    routes=PostgresRoutes(database, timedelta(minutes=15)),
                    rates=MessageRates(Limits(), USER_IDS),
                    agents=[AgentName("assistant")],
                    public_url=public_url,
                ),
            )
            running = asyncio.create_task(channel.run())
            try:
                yield Gate(channel, intake, database, replica_id, running)
            finally:
                running.cancel()
                await asyncio.wait([running])
                await channel.close()

    return telegram


@asynccontextmanager
async def _replica(database_url: str) -> AsyncIterator[tuple[Database, ReplicaId]]:
    """A replica that lives as long as the test needs it."""
    database, replica_id = await open_database(database_url), ReplicaId(uuid4())
    try:
        await PostgresReplicas(database, replica_id, str(replica_id), timedelta(minutes=1)).beat()
        yield database, replica_id
    finally:
        await database.close()


async def execute(database_url: str, statement: str) -> None:
    """Runs one statement as the database's owner."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Returns once the condition holds; raises `TimeoutError` after the deadline (seconds)."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - the fake and the recorder have no events for all that can be waited for
            await asyncio.sleep(0.01)
