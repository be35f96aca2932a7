"""Two servers with the whole schema each; a user lives on one of them, with all of the user's data."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

import storage.migrating.migrate
from bench.conversation import AGENT, QUESTION, REPLY, ROUTE
from bench.counts import SERVER, Counter, count_in
from bench.databases import SQL
from bench.errors import BenchError
from bench.shards.partitions import Split, split
from bench.shards.simulation import Skew, simulate
from gateway.app.building.stores import Stores, connect_stores
from gateway.config import Settings
from gateway.core.inbound import InboundMessage
from gateway.core.model import WEB, AgentName, Route, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.sessions.sessions import SessionFilter
from storage.embedded import embedded_postgres
from storage.queries import named

QUERIES = named((SQL / "shards.sql").read_text("utf-8"))
SERVERS = 2


@dataclass(frozen=True, slots=True)
class Shard:
    """A server: its stores, and a connection that counts its statements."""

    stores: Stores
    connection: asyncpg.Connection[asyncpg.Record]

    @property
    def counter(self) -> Counter:
        return Counter(self.connection)


@dataclass(frozen=True, slots=True)
class ShardReport:
    """`strays`: statements that reached another user's server. `foreign`: rows found there. `keys`: see the query."""

    users: Sequence[int]
    turns: int
    statements: int
    strays: int
    foreign: int
    keys: Sequence[str]
    split: Split
    skew: Sequence[Skew]


def shard_of(user: str, servers: int = SERVERS) -> int:
    """The server that a user lives on; the same for every caller."""
    return zlib.crc32(user.encode()) % servers


async def run(folder: Path, users: int, turns: int) -> ShardReport:
    """`users` people take `turns` turns each, then read their lists and pages."""
    async with AsyncExitStack() as stack:
        shards = [await _shard(stack, folder / f"server-{number}") for number in range(SERVERS)]
        names = [f"user-{number}" for number in range(users)]
        asked, strays = 0, 0
        for user in names:
            own, other = await _watched(shards, user, turns)
            asked, strays = asked + own, strays + other
        foreign = sum([await _foreign(shard, number) for number, shard in enumerate(shards)])
        first = shards[0].connection
        keys = [row[0] for row in await first.fetch(QUERIES["keys"])]
        lives = [sum(shard_of(name) == number for name in names) for number in range(SERVERS)]
        return ShardReport(lives, users * turns, asked, strays, foreign, keys, await split(first, QUERIES), simulate())


async def _shard(stack: AsyncExitStack, folder: Path) -> Shard:
    url = await stack.enter_async_context(embedded_postgres(folder, {**SERVER, "fsync": "off"}))
    await storage.migrating.migrate.migrate(url)
    await count_in(url)
    settings = Settings(database_url=SecretStr(url), data_dir=folder)
    stores = await stack.enter_async_context(connect_stores(settings, slot="shard"))
    await stores.replicas.beat()
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close)
    return Shard(stores, connection)


async def _watched(shards: Sequence[Shard], user: str, turns: int) -> tuple[int, int]:
    """The statements of a user's turns and reads, at home and elsewhere."""
    home = shard_of(user)
    before = [(await shard.counter.mark()).calls for shard in shards]
    await _live(shards[home].stores, UserId(user), turns)
    after = [(await shard.counter.mark()).calls for shard in shards]
    asked = [sum(then.values()) - sum(now.values()) for then, now in zip(after, before, strict=True)]
    return asked[home], sum(asked) - asked[home]


async def _live(stores: Stores, user: UserId, turns: int) -> None:
    for number in range(turns):
        message = InboundMessage(user, WEB, AgentName(AGENT), QUESTION, f"key-{number}", Route(ROUTE))
        accepted = await stores.turns.accept(message, TurnTerms())
        if accepted.turn is None:
            raise BenchError(f"A turn of {user} was not claimed: {accepted.status}.")
        await stores.turns.finish(accepted.turn, Reply("completed", REPLY, ({"type": "text", "text": REPLY},)))
    page = await stores.sessions.list(SessionFilter(user))
    await asyncio.gather(*(stores.messages.page(one.session_id, user, 50, None) for one in page.sessions))


async def _foreign(shard: Shard, number: int) -> int:
    rows = await shard.connection.fetch(QUERIES["users"])
    return sum(shard_of(row[0]) != number for row in rows)
