"""A chat's messages are stored in the order they were written, even if a poll or a commit fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import pytest

from gateway.core.inbound import InboundMessage
from gateway.core.model import ReplicaId
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Acknowledge, Notice
from gateway.errors import StoreUnavailable
from storage.database import Database
from storage.turns.turns import PostgresTurns
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import ADA, TOKEN, Opens, Recorder, opens_telegram, until
from tests.integration.turns.stores import TERMS

WORDS = ["one", "two", "three", "four"]


@dataclass
class Keeper(Recorder):
    """Stores messages. The first try of a text in `lost` gets no result: it commits when the test allows it."""

    turns: PostgresTurns = field(kw_only=True)
    lost: set[str] = field(default_factory=set)
    settled: list[str] = field(default_factory=list)
    late: list[Callable[[], Coroutine[None, None, Acceptance]]] = field(default_factory=list)

    async def accept(self, message: InboundMessage, acknowledge: Acknowledge | None = None) -> Acceptance | Notice:
        if message.text in self.lost:
            self.lost.remove(message.text)
            self.late.append(lambda: self.turns.accept(message, TERMS))
            raise StoreUnavailable("Nobody can say whether it was kept.")
        await super().accept(message, acknowledge)
        accepted = await self.turns.accept(message, TERMS)
        self.settled.append(message.text)
        return accepted


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05) as server:
        yield server


@pytest.fixture
def keepers() -> list[Keeper]:
    """The keepers of the replicas that have been opened, in order."""
    return []


@pytest.fixture
def opens(fake: FakeBotApi, database_url: str, keepers: list[Keeper]) -> Opens:
    def keeper(database: Database, replica_id: ReplicaId) -> Recorder:
        keepers.append(Keeper(turns=PostgresTurns(database, replica_id, timedelta(minutes=15))))
        return keepers[-1]

    return opens_telegram(fake, database_url, keeper)


async def kept(database_url: str) -> list[str]:
    """The messages of the chat's people in the transcript."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT content FROM chat_messages WHERE role = 'user' ORDER BY chat_id, seq")
        return [row["content"] for row in rows]
    finally:
        await connection.close()


async def test_a_replaced_poller_stores_nothing_twice(
    fake: FakeBotApi, opens: Opens, keepers: list[Keeper], database_url: str
) -> None:
    """It is delayed before its commit; another stores all messages meanwhile, and its own are duplicates."""
    async with opens() as first:
        frozen = keepers[0].held_up["two"] = asyncio.Event()
        for word in WORDS:
            fake.says(ADA, word)
        await until(lambda: keepers[0].tries["two"])
        await first.dies()
        async with opens():
            await until(lambda: "four" in keepers[1].settled)
            frozen.set()
            await until(lambda: "four" in keepers[0].settled)
            assert await kept(database_url) == WORDS


@pytest.mark.parametrize("behind", ["two", "four"])
async def test_a_commit_without_a_result_keeps_the_order(
    fake: FakeBotApi, opens: Opens, keepers: list[Keeper], database_url: str, behind: str
) -> None:
    """The message comes again, and later ones wait for it; a first try that ends later is a duplicate."""
    async with opens():
        keepers[0].lost.add("two")
        for word in WORDS:
            fake.says(ADA, word)
        await until(lambda: keepers[0].late)
        await until(lambda: behind in keepers[0].settled)
        assert (await keepers[0].late[0]()).status == "duplicate"
        await until(lambda: "four" in keepers[0].settled)
        assert keepers[0].tries["three"] == 1
        assert await kept(database_url) == WORDS
