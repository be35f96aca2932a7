"""What newer messages do to open turns, and which chunks wait behind others, on real Postgres."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from gateway.core.model import Address, MultitaskStrategy, TurnId
from gateway.core.outbound import Chunk, Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.outbox import Settled
from storage.database import Database
from tests.integration.turns.stores import HELLO, Replica, answer, claimed, saying

CHAT = Address("telegram:1:2:0")


async def living(database: Database, slot: str) -> Replica:
    """A replica that is alive."""
    replica = Replica(database, slot)
    await replica.life.beat()
    return replica


def delivered(text: str, *pieces: str) -> Reply:
    """A reply with chunks for the chat."""
    return replace(answer(text), chunks=tuple((CHAT, Chunk(piece)) for piece in pieces))


async def transcript(database_url: str) -> list[dict[str, Any]]:
    """All rows, in order."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT seq, role, deleted_at IS NOT NULL AS deleted FROM chat_messages ORDER BY seq")
    await connection.close()
    return [dict(row) for row in rows]


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_a_newer_message_cancels_every_open_turn(database: Database, strategy: MultitaskStrategy) -> None:
    """Both the running turn and waiting ones; only the newest message counts."""
    replica, terms = await living(database, "one"), TurnTerms(strategy=strategy)
    first = await replica.turns.accept(HELLO, terms)
    second = await replica.turns.accept(saying("two", "k2"), terms)
    third = await replica.turns.accept(saying("three", "k3"), terms)
    assert second.superseded == (claimed(first).turn_id,)
    assert third.superseded == (second.turn_id,)
    waiting = await replica.turns.finish(claimed(first), answer("half"))
    assert waiting.next_turn is not None
    assert waiting.next_turn.cancel_requested
    last = await replica.turns.finish(waiting.next_turn, Reply("cancelled", "Stopped.", ()))
    assert last.next_turn is not None
    assert (last.next_turn.text, last.next_turn.cancel_requested) == ("three", False)


async def test_an_interrupted_turn_keeps_its_partial_reply(database: Database, database_url: str) -> None:
    """The partial reply is a row like any other, and part of the history."""
    replica, terms = await living(database, "one"), TurnTerms(strategy="interrupt")
    first = await replica.turns.accept(HELLO, terms)
    await replica.turns.accept(saying("two", "k2"), terms)
    finished = await replica.turns.finish(claimed(first), replace(answer("half"), status="cancelled"))
    assert finished.next_turn is not None
    assert [message.content for message in finished.next_turn.history] == ["hello", "half"]
    assert not any(row["deleted"] for row in await transcript(database_url))


async def test_a_turn_rolled_back_leaves_tombstones(database: Database, database_url: str) -> None:
    """Question and answer keep only their places, even if the answer was already complete."""
    replica, terms = await living(database, "one"), TurnTerms(strategy="rollback")
    first = await replica.turns.accept(HELLO, terms)
    await replica.turns.accept(saying("two", "k2"), terms)
    finished = await replica.turns.finish(claimed(first), delivered("whole", "whole"))
    assert finished.outbox == ()
    assert [message.seq for message in finished.dropped] == [1]
    assert finished.message.deleted
    assert finished.session.message_count == 1
    assert finished.next_turn is not None
    assert list(finished.next_turn.history) == []
    assert await transcript(database_url) == [
        {"seq": 1, "role": "user", "deleted": True},
        {"seq": 2, "role": "user", "deleted": False},
        {"seq": 3, "role": "assistant", "deleted": True},
    ]


async def test_a_repeated_rollback_is_the_same(database: Database) -> None:
    """The result of T2 was lost, and T2 is called again."""
    replica, terms = await living(database, "one"), TurnTerms(strategy="rollback")
    first = await replica.turns.accept(HELLO, terms)
    await replica.turns.accept(saying("two", "k2"), terms)
    once = await replica.turns.finish(claimed(first), answer("whole"))
    again = await replica.turns.finish(claimed(first), answer("whole"))
    assert (again.message, again.session.last_seq) == (once.message, once.session.last_seq)
    assert (again.status, again.dropped) == (once.status, once.dropped) == ("cancelled", once.dropped)
    assert again.next_turn is not None
    assert once.next_turn is not None
    assert again.next_turn.turn_id == once.next_turn.turn_id


async def test_a_superseded_turn_that_is_stolen_stays_superseded(database: Database) -> None:
    """The flag is on the row, so any replica that takes the turn over sees it."""
    one, two, terms = await living(database, "one"), await living(database, "two"), TurnTerms(strategy="rollback")
    await one.turns.accept(HELLO, terms)
    await two.turns.accept(saying("two", "k2"), terms)
    await one.life.leave()
    [stolen] = await two.turns.steal(10, silence=None)
    assert stolen.cancel_requested
    assert (await two.turns.finish(stolen, Reply("cancelled", "Stopped.", ()))).message.deleted


async def test_a_session_limits_its_waiting_messages(database: Database) -> None:
    """A message beyond the limit is not stored; once the turn has ended, there is room again."""
    replica, terms = await living(database, "one"), TurnTerms(max_waiting=2)
    first = await replica.turns.accept(HELLO, terms)
    took = [await replica.turns.accept(saying(f"m{n}", f"m{n}"), terms) for n in range(3)]
    assert [one.status for one in took] == ["accepted", "accepted", "full"]
    assert (await replica.turns.accept(saying("m0", "m0"), terms)).status == "duplicate"
    await replica.turns.finish(claimed(first), answer("ok"))
    assert (await replica.turns.accept(saying("m2", "m2"), terms)).status == "accepted"


async def test_chunks_wait_behind_older_ones_of_another_replica(database: Database) -> None:
    """One address, two replicas: a takeover takes all of its chunks, in order."""
    dead, alive, other = [await living(database, slot) for slot in ("one", "two", "three")]
    first = await dead.turns.accept(HELLO, TurnTerms())
    sent = await dead.turns.finish(claimed(first), delivered("one", "a", "b"))
    assert len(sent.outbox) == 2
    second = await alive.turns.accept(saying("two", "k2"), TurnTerms())
    assert (await alive.turns.finish(claimed(second), delivered("two", "c"))).outbox == ()
    assert await other.outbox.steal(10, [], expired=True) == []
    await dead.life.leave()
    taken = await asyncio.gather(*(one.outbox.steal(10, [], expired=True) for one in (alive, other)))
    assert sorted([item.chunk.text for item in items] for items in taken) == [[], ["a", "b", "c"]]


async def test_waiting_chunks_are_sent_after_the_earlier_ones(database: Database) -> None:
    """The owner of the earlier chunks is alive and has sent them."""
    one, two = await living(database, "one"), await living(database, "two")
    first = await one.turns.accept(HELLO, TurnTerms())
    sent = await one.turns.finish(claimed(first), delivered("one", "a"))
    second = await two.turns.accept(saying("two", "k2"), TurnTerms())
    await two.turns.finish(claimed(second), delivered("two", "b"))
    await one.outbox.mark(Settled(sent.outbox[0].item_id, "sent"))
    assert [item.chunk.text for item in await two.outbox.steal(10, [], expired=False)] == ["b"]


async def test_silence_counts_as_death_only_when_asked(database: Database, database_url: str) -> None:
    """After the database was unavailable, every replica looks dead for a moment."""
    silent = await living(database, "one")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE replicas SET expires_at = now()")
    await connection.close()
    turn = claimed(await silent.turns.accept(HELLO, TurnTerms()))
    other = await living(database, "two")
    assert await other.turns.steal(10, silence=None) == []
    assert ids(await other.turns.steal(10, silence=timedelta(0))) == [turn.turn_id]


async def test_a_replica_that_counts_as_dead_takes_nothing(database: Database) -> None:
    """A sweep that reaches the database late must not take turns from live replicas."""
    alive, late = await living(database, "one"), Replica(database, "two")
    await alive.turns.accept(HELLO, TurnTerms())
    await alive.life.leave()
    assert await late.turns.steal(10, silence=timedelta(0)) == []
    assert await late.outbox.steal(10, [], expired=True) == []


def ids(turns: Any) -> list[TurnId]:
    """Which turns these are."""
    return [turn.turn_id for turn in turns]


async def test_chunks_of_a_takeover_without_a_result_are_found_again(database: Database, database_url: str) -> None:
    """The result of the takeover was lost: this replica owns them, but does not hold them."""
    replica = await living(database, "one")
    turn = claimed(await replica.turns.accept(HELLO, TurnTerms()))
    [item] = (await replica.turns.finish(turn, delivered("one", "a"))).outbox
    assert await replica.outbox.steal(10, [], expired=True) == []
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE outbox SET created_at = created_at - interval '1 minute'")
    await connection.close()
    assert await replica.outbox.steal(10, [item.item_id], expired=True) == []
    assert [found.item_id for found in await replica.outbox.steal(10, [], expired=True)] == [item.item_id]


async def test_a_claim_is_a_sign_of_life(database: Database, database_url: str) -> None:
    """A replica that has just claimed a turn is alive, however old its last heartbeat is."""
    late, other = await living(database, "one"), await living(database, "two")
    await late.turns.accept(HELLO, TurnTerms())
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE replicas SET expires_at = now() WHERE slot = 'one'")
    await connection.close()
    assert await other.turns.steal(10, silence=timedelta(minutes=1)) == []
    assert len(await other.turns.steal(10, silence=timedelta(0))) == 1


async def test_simultaneous_takeovers_take_each_address_once(database: Database) -> None:
    """No replica sends what another has just taken."""
    dead = await living(database, "dead")
    for number in range(30):
        chat = Address(f"telegram:1:{number}:0")
        message = replace(HELLO, key=f"k{number}", text="hi", always_new=True, deliver_to=(chat,))
        turn = claimed(await dead.turns.accept(message, TurnTerms()))
        chunks = tuple((chat, Chunk(text)) for text in "ab")
        await dead.turns.finish(turn, replace(answer("hi"), chunks=chunks))
    await dead.life.leave()
    others = [await living(database, f"other{number}") for number in range(3)]
    taken = await asyncio.gather(*(one.outbox.steal(20, [], expired=True) for one in others * 3))
    ids = [item.item_id for items in taken for item in items]
    assert len(ids) == len(set(ids)) == 60


async def test_simultaneous_takeovers_take_each_turn_once(database: Database) -> None:
    """No replica takes what another has just taken: each turn has one more attempt, not two."""
    dead = await living(database, "dead")
    for number in range(60):
        await dead.turns.accept(replace(HELLO, key=f"k{number}", always_new=True), TurnTerms())
    await dead.life.leave()
    others = [await living(database, f"other{number}") for number in range(3)]
    taken = await asyncio.gather(*(one.turns.steal(7, silence=None) for one in others * 12))
    assert Counter(turn.turn_id for turns in taken for turn in turns).most_common(1)[0][1] == 1
    assert {turn.attempt for turns in taken for turn in turns} == {2}


async def test_chunks_wait_behind_own_ones_that_are_not_held(database: Database) -> None:
    """The result of their takeover was lost: a later sweep finds them, and the others are sent after them."""
    dead, heir = await living(database, "one"), await living(database, "two")
    first = await dead.turns.accept(HELLO, TurnTerms())
    await dead.turns.finish(claimed(first), delivered("one", "a"))
    await dead.life.leave()
    [taken] = await heir.outbox.steal(10, [], expired=True)
    second = await heir.turns.accept(saying("two", "k2"), TurnTerms())
    unheard = await heir.turns.finish(claimed(second), delivered("two", "b"), [])
    assert unheard.outbox == ()
    third = await heir.turns.accept(saying("three", "k3"), TurnTerms())
    assert (await heir.turns.finish(claimed(third), delivered("three", "c"), [taken.item_id])).outbox == ()


async def test_a_repeated_attempt_counts_once(database: Database) -> None:
    """The result was lost, and the same call is repeated."""
    replica = await living(database, "one")
    turn = claimed(await replica.turns.accept(HELLO, TurnTerms()))
    once = await replica.turns.begin_attempt(turn)
    again = await replica.turns.begin_attempt(turn)
    assert (again.attempt, again.epoch) == (once.attempt, once.epoch) == (2, 2)
    assert (await replica.turns.begin_attempt(again)).attempt == 3
