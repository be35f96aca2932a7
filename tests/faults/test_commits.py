"""The moment in which a reply is recorded, and statements of older gateways on a newer schema."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import pytest

from storage.migrate import MIGRATIONS, migrate
from tests.faults.callers import all_is_answered, caller
from tests.faults.proxy import Link, Proxy
from tests.world import World, eventually

pytestmark = pytest.mark.faults

BEFORE_SUPERSEDING = "0008_finish"
# As gateways have them that know of migrations up to 0008.
ACCEPT = """
SELECT * FROM accept_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
FINISH = "SELECT * FROM finish_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
BEGIN_ATTEMPT = "SELECT * FROM begin_attempt($1, $2, $3, $4, $5)"
STEAL = "SELECT * FROM steal_turns($1, $2, $3)"
STEAL_ITEMS = """
WITH dead AS MATERIALIZED (
    SELECT o.item_id FROM outbox AS o LEFT JOIN replicas AS r ON r.replica_id = o.owner
    WHERE o.state = 'unsent' AND (r.replica_id IS NULL OR r.expires_at < clock_timestamp())
    ORDER BY o.item_id LIMIT $2
    FOR UPDATE OF o SKIP LOCKED
)
UPDATE outbox AS o SET owner = $1, attempts = o.attempts + 1 FROM dead WHERE o.item_id = dead.item_id
RETURNING o.item_id, o.address, o.content, o.markup, o.attempts
"""
SETTLE = """
UPDATE outbox AS o SET state = settled.state, error = settled.error, settled_at = clock_timestamp()
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS settled (item_id, state, error)
WHERE o.item_id = settled.item_id AND o.state = 'unsent'
"""
JOIN = """
INSERT INTO replicas (replica_id, slot, expires_at) VALUES ($1, $2, clock_timestamp() + $3)
ON CONFLICT (slot) DO UPDATE SET replica_id = excluded.replica_id, expires_at = excluded.expires_at
"""
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%finish_turn%'"


class Telltale(Proxy):
    """A proxy that falls silent once `marker` has passed to the server."""

    marker = b""

    def _asked(self, link: Link, data: bytes) -> bool:
        if self.marker and self.marker in data:
            self.freezes()
        return super()._asked(link, data)


@pytest.mark.parametrize("then", ["released", "taken over"])
async def test_killed_while_a_reply_is_being_recorded(world: World, then: Literal["released", "taken over"]) -> None:
    """Row 6: T2 waits in the database when its gateway dies, and goes on there; there is one reply."""
    dying, healthy = await world.process("dying"), await world.gateway()
    who = await caller(await world.person("ann", dying.url))
    asking = asyncio.create_task(who.sends("wait 2 seconds", "m1"))
    await eventually(lambda: world.rows("SELECT FROM turns WHERE status = 'running'"))
    session = await asyncpg.connect(world.database_url)
    async with session.transaction():
        await session.execute("SELECT FROM chat_sessions FOR UPDATE")
        await eventually(lambda: world.rows(WAITING))
        await dying.dies()
        if then == "taken over":
            await eventually(lambda: world.rows("SELECT FROM turns WHERE epoch = 2"))
    await session.close()
    with pytest.raises(aiohttp.ClientError):
        await asking
    await eventually(lambda: all_is_answered(world))
    [turn] = await world.rows("SELECT attempt, epoch FROM turns")
    assert (turn["attempt"], turn["epoch"]) == ((2, 2) if then == "taken over" else (1, 1))
    who.person.url = healthy.url
    assert await who.insists("wait 2 seconds", "m1")


async def test_killed_before_it_hears_that_a_reply_is_recorded(world: World) -> None:
    """Row 6: T2 is committed, its answer is still on its way when the gateway dies; there is one reply, of one attempt."""
    parts = urlsplit(world.database_url)
    place = parse_qs(parts.query)
    proxy = Telltale(f"{place['host'][0]}/.s.PGSQL.{place['port'][0]}")
    await proxy.starts()
    proxy.opens()
    world.afterwards(proxy.ends)
    behind = f"postgresql://turngate@127.0.0.1:{proxy.number}{parts.path}"
    dying, healthy = await world.process("dying", TURNGATE_DATABASE_URL=behind), await world.gateway()
    who = await caller(await world.person("ann", dying.url))
    proxy.marker = b"10, 11, 12."
    asking = asyncio.create_task(who.sends("count to 12", "m1"))
    await eventually(lambda: world.rows("SELECT FROM turns WHERE status = 'completed'"))
    await dying.dies()
    proxy.heals()
    with pytest.raises(aiohttp.ClientError):
        await asking
    who.person.url = healthy.url
    assert (await who.insists("count to 12", "m1")).endswith("10, 11, 12.")
    assert await all_is_answered(world)
    assert await world.rows("SELECT attempt, epoch FROM turns") == [{"attempt": 1, "epoch": 1}]


class OldGateway:
    """What a gateway of before says to the database, on one connection that remembers its statements."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.connection = connection
        self.replica = uuid.uuid4()
        self.surprises = 0

    async def joins(self, slot: str, seconds: float = 60) -> None:
        """Lives for so many seconds."""
        await self.connection.execute(JOIN, self.replica, slot, timedelta(seconds=seconds))

    async def asks(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """As it does: what it remembers of the schema may be out of date, and then it asks again."""
        try:
            return await self.connection.fetch(statement, *values)
        except (asyncpg.OutdatedSchemaCacheError, asyncpg.InvalidCachedStatementError):
            self.surprises += 1
            await self.connection.reload_schema_state()
            return await self.connection.fetch(statement, *values)

    async def accepts(self, key: str) -> asyncpg.Record:
        """T1."""
        chat, window, limit = "telegram:1:7:0", timedelta(hours=1), timedelta(seconds=30)
        begun = ("ann", "telegram", "assistant", f"text of {key}", key, chat, None, [chat], False, False, False, None)
        [row] = await self.asks(ACCEPT, *begun, window, "enqueue", False, limit, 10, self.replica)
        return row

    async def finishes(self, turn: Any, *chunks: str) -> asyncpg.Record:
        """T2."""
        sent = (["telegram:1:7:0"] * len(chunks), list(chunks), list(chunks))
        whose = ("ann", turn["chat_id"], turn["turn_id"], self.replica, turn["epoch"])
        [row] = await self.asks(FINISH, *whose, "completed", "reply", None, None, None, None, *sent)
        return row

    async def serves(self, key: str) -> None:
        """A message from T1 to T3, with one more attempt in between."""
        accepted = await self.accepts(key)
        assert accepted["is_claimed"]
        turn = accepted["turn"]
        [again] = await self.asks(BEGIN_ATTEMPT, "ann", turn["turn_id"], self.replica, turn["epoch"], True)
        assert again["attempt"] == 2
        finished = await self.finishes(again, "one", "two")
        assert finished["status"] == "finished"
        assert len(finished["outbox_ids"]) == 2
        assert (await self.finishes(again, "one", "two"))["status"] == "again"
        await self.connection.execute(SETTLE, finished["outbox_ids"], ["sent", "sent"], [None, None])

    async def takes_over(self, dead: OldGateway, key: str) -> None:
        """A turn and the chunks of another that dies between."""
        turn = (await dead.accepts(key))["turn"]
        assert [row["next_turn"] for row in await self.asks(STEAL, self.replica, 10, [])] == []
        await self.connection.execute("DELETE FROM replicas WHERE replica_id = $1", dead.replica)
        [stolen] = await self.asks(STEAL, self.replica, 10, [])
        assert stolen["next_turn"]["epoch"] == turn["epoch"] + 1
        assert (await dead.finishes(turn))["status"] == "lost"
        items = (await self.finishes(stolen["next_turn"], "one", "two"))["outbox_ids"]
        await self.connection.execute("UPDATE outbox SET owner = $1 WHERE item_id = ANY ($2)", dead.replica, items)
        taken = await self.asks(STEAL_ITEMS, self.replica, 10)
        assert sorted(row["item_id"] for row in taken) == sorted(items)
        await self.connection.execute(SETTLE, items, ["sent", "sent"], [None, None])


async def test_statements_of_before_work_on_the_schema_of_now(empty_database_url: str, tmp_path: Path) -> None:
    """Row 44: an older gateway keeps its statements while a newer one migrates, and goes on with them."""
    before = shutil.copytree(MIGRATIONS, tmp_path / "before")
    for path in before.glob("*.sql"):
        if path.stem > BEFORE_SUPERSEDING:
            path.unlink()
    await migrate(empty_database_url, before)
    connection = await asyncpg.connect(empty_database_url)
    old, other = OldGateway(connection), OldGateway(connection)
    await old.joins("old")
    await other.joins("other")
    await old.serves("k1")
    await old.takes_over(other, "k2")
    assert old.surprises + other.surprises == 0
    assert [name for name in await migrate(empty_database_url) if name > BEFORE_SUPERSEDING]
    await other.joins("other")
    await old.serves("k3")
    await old.takes_over(other, "k4")
    assert old.surprises + other.surprises <= 4, "at most once for each statement"
    rows = await connection.fetch("SELECT seq, role FROM chat_messages ORDER BY seq")
    assert [tuple(row) for row in rows] == [(seq, "user" if seq % 2 else "assistant") for seq in range(1, 9)]
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE state <> 'sent'") == 0
    await connection.close()
