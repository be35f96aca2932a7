"""A Telegram channel between a fake Bot API server and a recorder of what it takes in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pydantic import SecretStr

from channels.telegram.channel import TelegramChannel
from channels.telegram.target import Target
from gateway.config import Telegram
from gateway.core.model import AgentName, InboundMessage, Message, SessionId, TurnId, UserId
from gateway.core.ports import Acceptance
from gateway.core.service import Acknowledge, Notice
from gateway.errors import StoreUnavailable
from tests.fakes.bot_api import FakeBotApi

TOKEN = "42:AAF-very-secret"
ADA, BOB, TEAM = 5, 6, -1_000_000_000_123
ADDRESS = Target(42, ADA).address


@dataclass
class Recorder:
    """Takes messages in and keeps them in a list; can be away, answer with notices, fail, or hold a message up."""

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
    ) -> Message | None:
        raise AssertionError("Telegram waits for no reply")

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.taken]


@dataclass
class Leases:
    """Leases of all replicas of a test; `holder` is who has the bot."""

    holder: str | None = None

    def of(self, replica: str) -> ReplicaLeases:
        return ReplicaLeases(self, replica)


@dataclass
class ReplicaLeases:
    """One replica's view of them."""

    leases: Leases
    replica: str

    async def hold(self, account: str) -> bool:
        self.leases.holder = self.leases.holder or self.replica
        return self.leases.holder == self.replica

    async def give_up(self, account: str) -> None:
        if self.leases.holder == self.replica:
            self.leases.holder = None


@dataclass
class Kept:
    """What went into quarantine: raw and reason by key."""

    items: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        self.items.setdefault(key, (raw, reason))


@dataclass
class Gate:
    """Everything a test speaks to."""

    channel: TelegramChannel
    intake: Recorder
    kept: Kept
    running: asyncio.Task[None]


@asynccontextmanager
async def telegram(
    fake: FakeBotApi,
    leases: ReplicaLeases | None = None,
    *,
    max_text: int = 1000,
    public_url: str | None = None,
    **settings: object,
) -> AsyncIterator[Gate]:
    """A running channel; `settings` are those of `telegram`."""
    given: dict[str, object] = {"token": SecretStr(TOKEN), "api_url": fake.url, "access": "open"}
    intake, kept = Recorder(), Kept()
    channel = TelegramChannel(
        Telegram.model_validate(given | settings),
        intake,
        leases or Leases().of("only"),
        kept,
        default_agent=AgentName("assistant"),
        public_url=public_url,
        max_text=max_text,
    )
    running = asyncio.create_task(channel.run())
    try:
        yield Gate(channel, intake, kept, running)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await channel.close()


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Returns once the condition holds; `TimeoutError` when it doesn't in time (seconds)."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
