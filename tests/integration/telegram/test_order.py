"""A chat's messages are kept in the order they were written, whatever becomes of a poll or a commit on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import pytest

from gateway.core.model import InboundMessage, ReplicaId
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
    """Takes messages in for good. The first try of a text in `lost` hears nothing: it is committed when somebody lets it."""

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
    """Those of the replicas that have been opened, in order."""
    return []


@pytest.fixture
def opens(fake: FakeBotApi, database_url: str, keepers: list[Keeper]) -> Opens:
    def keeper(database: Database, replica_id: ReplicaId) -> Recorder:
        keepers.append(Keeper(turns=PostgresTurns(database, replica_id, timedelta(minutes=15))))
        return keepers[-1]

    return opens_telegram(fake, database_url, keeper)


async def kept(database_url: str) -> list[str]:
    """What the chat's people have said, as it stands in the transcript."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT content FROM chat_messages WHERE role = 'user' ORDER BY chat_id, seq")
        return [row["content"] for row in rows]
    finally:
        await connection.close()


async def test_a_poller_that_is_replaced_between_two_messages_comes_too_late(
    fake: FakeBotApi, opens: Opens, keepers: list[Keeper], database_url: str
) -> None:
    """It is held up before its commit; another takes all of them in meanwhile, and what it keeps is kept already."""
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
async def test_a_commit_that_nobody_heard_of_changes_no_order(
    fake: FakeBotApi, opens: Opens, keepers: list[Keeper], database_url: str, behind: str
) -> None:
    """The message comes again, and those after it wait for it; a first try that ends later is a duplicate."""
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
