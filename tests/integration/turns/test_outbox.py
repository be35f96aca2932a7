"""The outbox's sender on real Postgres: held chunks when leases lapse, results arrive late and the gateway stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest_asyncio
from structlog.testing import capture_logs

from channels.telegram.name import TELEGRAM
from gateway.core.delivery.outbox import Outbox
from gateway.core.model import Address, ChannelName
from gateway.core.outbound import Chunk, OutboxItem
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.channels import MayLeave
from gateway.core.ports.outbox import Settled
from gateway.core.ports.turns import Tenure
from gateway.errors import StoreUnavailable
from storage.database import open_database
from storage.turns.outbox import PostgresOutbox
from tests.integration.turns.stores import HELLO, Replica, answer, claimed

CHAT = Address("telegram:1:2:0")


@dataclass
class Gated:
    """The real store, which responds when released, and records each method's calls."""

    inner: PostgresOutbox
    asked: list[list[int]] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def mark(self, settled: Settled) -> None:
        await self.may_answer.wait()
        await self.inner.mark(settled)
        self.marked.append(settled.item_id)

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        self.asked.append(list(items))
        await self.may_answer.wait()
        return await self.inner.mine(items)

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        return await self.inner.steal(limit, held, expired=expired)

    async def forget_sent(self, days: int) -> int:
        return await self.inner.forget_sent(days)


@dataclass
class Network:
    """Accepts what it is given when released."""

    begun: list[str] = field(default_factory=list)
    took: list[str] = field(default_factory=list)
    flows: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> ChannelName:
        return TELEGRAM

    def render(self, content: str) -> Sequence[Chunk]:
        return (Chunk(content),)

    async def ready(self, address: Address) -> None:
        return

    async def deliver(self, address: Address, chunk: Chunk, may_leave: MayLeave) -> None:
        self.begun.append(chunk.text)
        await self.flows.wait()
        self.took.append(chunk.text)

    async def typing(self, address: Address) -> None:
        return


@dataclass
class Lease:
    """A lease whose term the test sets."""

    term: int = 1

    def alive(self) -> bool:
        return True


@pytest_asyncio.fixture
async def replica(database_url: str) -> AsyncIterator[Replica]:
    """A replica that is alive."""
    database = await open_database(database_url)
    living = Replica(database, "one")
    await living.life.beat()
    yield living
    await database.close()


async def chunks(replica: Replica, *texts: str) -> tuple[OutboxItem, ...]:
    """The chunks of a reply, recorded and this replica's to send."""
    turn = claimed(await replica.turns.accept(HELLO, TurnTerms()))
    reply = replace(answer("all"), chunks=tuple((CHAT, Chunk(text)) for text in texts))
    return (await replica.turns.finish(turn, reply)).outbox


async def until(condition: Callable[[], object]) -> None:
    """Waits for a condition that other tasks bring about."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - other tasks bring it about
            await asyncio.sleep(0)


async def test_a_chunk_that_arrives_during_a_check_keeps_its_place(replica: Replica) -> None:
    """After the lease lapses, the sender checks one chunk, and another arrives meanwhile."""
    store, network = Gated(replica.outbox), Network()
    network.flows.set()
    outbox = Outbox({TELEGRAM: network}, store, lease := Lease(term=2))
    first, second = await chunks(replica, "one", "two")
    outbox.send([first], Tenure(lease, 1))
    await until(lambda: store.asked)
    outbox.send([second], Tenure(lease, 2))
    store.may_answer.set()
    await until(lambda: len(store.marked) == 2)
    assert network.took == ["one", "two"]


async def test_a_chunk_taken_over_in_an_earlier_term_is_dropped(replica: Replica) -> None:
    """The result of T2 arrives late: another replica has taken the chunk over."""
    store, network = Gated(replica.outbox), Network()
    network.flows.set()
    store.may_answer.set()
    late = await chunks(replica, "one")
    heir = Replica(replica.outbox.database, "two")
    await heir.life.beat()
    await replica.life.leave()
    assert await heir.outbox.steal(10, [], expired=True)
    outbox = Outbox({TELEGRAM: network}, store, lease := Lease(term=2))
    outbox.send(late, Tenure(lease, 1))
    await until(lambda: not outbox.held)
    assert (len(store.asked), network.took) == (1, [])


async def test_stopping_completes_and_marks_the_current_send(replica: Replica) -> None:
    """A request in progress completes and is recorded; the next chunk is left for another replica."""
    store, network = Gated(replica.outbox), Network()
    store.may_answer.set()
    outbox = Outbox({TELEGRAM: network}, store, lease := Lease())
    first, second = await chunks(replica, "one", "two")
    outbox.send([first, second], Tenure(lease, 1))
    await until(lambda: network.begun)
    draining = asyncio.create_task(outbox.drain(5))
    await asyncio.sleep(0)
    network.flows.set()
    await draining
    assert (network.took, store.marked) == (["one"], [first.item_id])
    assert await replica.outbox.mine([second.item_id]) == [second.item_id]


async def test_stopping_waits_for_a_mark_that_is_being_written(replica: Replica) -> None:
    """A sent chunk is marked, even if writing the mark had already begun."""
    store, network = Gated(replica.outbox), Network()
    network.flows.set()
    outbox = Outbox({TELEGRAM: network}, store, lease := Lease())
    [item] = await chunks(replica, "one")
    outbox.send([item], Tenure(lease, 1))
    await until(lambda: network.took)
    draining = asyncio.create_task(outbox.drain(0.05))
    await asyncio.wait({draining}, timeout=0.2)
    store.may_answer.set()
    await draining
    assert store.marked == [item.item_id]


async def test_sent_chunks_are_removed_after_some_days(replica: Replica) -> None:
    """Unsent chunks, and those that say why they were not delivered, stay."""
    old, recent, dead, unknown, waiting = await chunks(replica, "old", "recent", "dead", "unknown", "waiting")
    for item in (old, recent):
        await replica.outbox.mark(Settled(item.item_id, "sent"))
    await replica.outbox.mark(Settled(dead.item_id, "dead", "blocked"))
    await replica.outbox.mark(Settled(unknown.item_id, "unknown", "no clear answer"))
    async with replica.outbox.database.own_work() as connection:
        aged = "UPDATE outbox SET settled_at = settled_at - interval '8 days' WHERE item_id <> $1"
        await connection.execute(aged, recent.item_id)
    assert await replica.outbox.forget_sent(7) == 1
    async with replica.outbox.database.own_work() as connection:
        left = await connection.fetch("SELECT item_id FROM outbox ORDER BY item_id")
    assert [row["item_id"] for row in left] == [item.item_id for item in (recent, dead, unknown, waiting)]


async def test_a_takeover_stops_where_the_order_would_break(replica: Replica) -> None:
    """A result got lost: this replica owns the second chunk but does not hold it yet, so the third has to wait behind it."""
    first, _, third = await chunks(replica, "one", "two", "three")
    async with replica.outbox.database.all_users() as connection:
        age = "UPDATE outbox SET created_at = created_at - interval '11 seconds' WHERE item_id = $1"
        await connection.execute(age, first.item_id)
        await connection.execute("UPDATE outbox SET owner = gen_random_uuid() WHERE item_id = $1", third.item_id)
    assert [item.item_id for item in await replica.outbox.steal(10, [], expired=True)] == [first.item_id]


async def test_a_long_backlog_is_taken_over_at_once(replica: Replica) -> None:
    """One statement takes over 5,000 chunks of one address from a dead replica."""
    await chunks(replica, "one")
    async with replica.outbox.database.all_users() as connection:
        await connection.execute(
            "INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, state)"
            " SELECT chat_id, turn_id, user_id, address, chunk + number, content, markup, state"
            " FROM outbox, generate_series(1, 4999) AS number"
        )
        await connection.execute("UPDATE outbox SET owner = gen_random_uuid()")
    async with asyncio.timeout(5):
        assert len(await replica.outbox.steal(10, [], expired=True)) == 5_000


async def states(replica: Replica) -> list[str]:
    """The states of all chunks, in order."""
    async with replica.outbox.database.own_work() as connection:
        return [row["state"] for row in await connection.fetch("SELECT state FROM outbox ORDER BY item_id")]


async def test_simultaneous_marks_share_a_commit(replica: Replica) -> None:
    """At most two transactions mark forty chunks."""
    items = await chunks(replica, *map(str, range(40)))
    await asyncio.gather(*(replica.outbox.mark(Settled(item.item_id, "sent")) for item in items))
    async with replica.outbox.database.own_work() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM outbox WHERE state = 'sent'") <= 2
    assert await states(replica) == ["sent"] * 40


async def test_a_locked_mark_does_not_delay_others(replica: Replica) -> None:
    """Another transaction holds a lock on one of the rows."""
    first, *others = await chunks(replica, "one", "two", "three")
    async with replica.outbox.database.all_users() as connection, connection.transaction():
        await connection.execute("SELECT FROM outbox WHERE item_id = $1 FOR UPDATE", first.item_id)
        waiting = asyncio.create_task(replica.outbox.mark(Settled(first.item_id, "sent")))
        await asyncio.gather(*(replica.outbox.mark(Settled(item.item_id, "sent")) for item in others))
        assert (waiting.done(), await states(replica)) == (False, ["unsent", "sent", "sent"])
    await waiting
    assert await states(replica) == ["sent"] * 3


async def test_a_refused_mark_does_not_affect_others(replica: Replica) -> None:
    """Each is then written separately, and only the faulty one fails."""
    odd, other = await chunks(replica, "one", "two")
    outcomes = await asyncio.gather(
        replica.outbox.mark(Settled(odd.item_id, "dead", "a NUL: \0")),
        replica.outbox.mark(Settled(other.item_id, "sent")),
        return_exceptions=True,
    )
    assert [outcome is None for outcome in outcomes] == [False, True]
    assert await states(replica) == ["unsent", "sent"]


async def test_a_mark_is_retried_until_written_without_sending_again(replica: Replica) -> None:
    """Whatever keeps the mark from being written, the chunk has been sent."""

    @dataclass
    class Broken(Gated):
        failures: list[Exception] = field(default_factory=lambda: [ValueError("odd"), StoreUnavailable("away")])

        async def mark(self, settled: Settled) -> None:
            if self.failures:
                raise self.failures.pop()
            await super().mark(settled)

    store, network = Broken(replica.outbox), Network()
    network.flows.set()
    store.may_answer.set()
    outbox = Outbox({TELEGRAM: network}, store, lease := Lease())
    items = await chunks(replica, "one", "two")
    with capture_logs() as logged:
        outbox.send(items, Tenure(lease, 1))
        await until(lambda: len(store.marked) == 2)
    assert network.took == ["one", "two"]
    assert [entry["event"] for entry in logged] == ["delivery_not_marked"]


async def test_simultaneous_checks_share_a_statement(replica: Replica) -> None:
    """Each address gets its own items."""
    one, two, three = await chunks(replica, "one", "two", "three")
    await replica.outbox.mark(Settled(two.item_id, "sent"))
    asked = [[one.item_id, two.item_id], [two.item_id], [three.item_id]]
    mine = await asyncio.gather(*(replica.outbox.mine(items) for items in asked))
    assert mine == [[one.item_id], [], [three.item_id]]
