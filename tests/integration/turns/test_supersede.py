"""What newer messages do to open turns, and what waits behind what, on real Postgres."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from gateway.core.model import Address, Chunk, MultitaskStrategy, Reply, TurnId
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
    """The running one and those that wait; the newest is what counts."""
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


async def test_an_interrupted_turn_keeps_what_it_said(database: Database, database_url: str) -> None:
    """The partial reply is a row like any other, and part of the history."""
    replica, terms = await living(database, "one"), TurnTerms(strategy="interrupt")
    first = await replica.turns.accept(HELLO, terms)
    await replica.turns.accept(saying("two", "k2"), terms)
    finished = await replica.turns.finish(claimed(first), replace(answer("half"), status="cancelled"))
    assert finished.next_turn is not None
    assert [message.content for message in finished.next_turn.history] == ["hello", "half"]
    assert not any(row["deleted"] for row in await transcript(database_url))


async def test_a_turn_rolled_back_leaves_tombstones(database: Database, database_url: str) -> None:
    """Question and answer keep their places and nothing else, even when the answer was complete already."""
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
    """T2 whose answer was lost, asked again."""
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
    """The flag stands on the row: whoever takes the turn over knows."""
    one, two, terms = await living(database, "one"), await living(database, "two"), TurnTerms(strategy="rollback")
    await one.turns.accept(HELLO, terms)
    await two.turns.accept(saying("two", "k2"), terms)
    await one.life.leave()
    [stolen] = await two.turns.steal(10, silence=None)
    assert stolen.cancel_requested
    assert (await two.turns.finish(stolen, Reply("cancelled", "Stopped.", ()))).message.deleted


async def test_a_session_takes_so_many_waiting_messages_and_no_more(database: Database) -> None:
    """Nothing is kept of one too many; when the turn has ended there is room again."""
    replica, terms = await living(database, "one"), TurnTerms(max_waiting=2)
    first = await replica.turns.accept(HELLO, terms)
    took = [await replica.turns.accept(saying(f"m{n}", f"m{n}"), terms) for n in range(3)]
    assert [one.status for one in took] == ["accepted", "accepted", "full"]
    assert (await replica.turns.accept(saying("m0", "m0"), terms)).status == "duplicate"
    await replica.turns.finish(claimed(first), answer("ok"))
    assert (await replica.turns.accept(saying("m2", "m2"), terms)).status == "accepted"


async def test_chunks_wait_behind_older_ones_of_another_replica(database: Database) -> None:
    """One address, two replicas: whoever takes over takes all of it, in order."""
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


async def test_chunks_that_waited_leave_when_those_before_have_left(database: Database) -> None:
    """Their elders' owner lives and has sent them."""
    one, two = await living(database, "one"), await living(database, "two")
    first = await one.turns.accept(HELLO, TurnTerms())
    sent = await one.turns.finish(claimed(first), delivered("one", "a"))
    second = await two.turns.accept(saying("two", "k2"), TurnTerms())
    await two.turns.finish(claimed(second), delivered("two", "b"))
    await one.outbox.mark(Settled(sent.outbox[0].item_id, "sent"))
    assert [item.chunk.text for item in await two.outbox.steal(10, [], expired=False)] == ["b"]


async def test_silence_counts_as_death_only_when_asked(database: Database, database_url: str) -> None:
    """After the database was away everybody looks dead for a moment."""
    silent = await living(database, "one")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE replicas SET expires_at = now()")
    await connection.close()
    turn = claimed(await silent.turns.accept(HELLO, TurnTerms()))
    other = await living(database, "two")
    assert await other.turns.steal(10, silence=None) == []
    assert ids(await other.turns.steal(10, silence=timedelta(0))) == [turn.turn_id]


async def test_who_is_counted_dead_takes_nothing(database: Database) -> None:
    """A sweep that reaches the database late must not take over from those who live."""
    alive, late = await living(database, "one"), Replica(database, "two")
    await alive.turns.accept(HELLO, TurnTerms())
    await alive.life.leave()
    assert await late.turns.steal(10, silence=timedelta(0)) == []
    assert await late.outbox.steal(10, [], expired=True) == []


def ids(turns: Any) -> list[TurnId]:
    """Which turns these are."""
    return [turn.turn_id for turn in turns]


async def test_chunks_that_were_taken_over_unheard_are_found_again(database: Database, database_url: str) -> None:
    """The answer to taking them got lost: they are this replica's and in nobody's hands."""
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
    """Whoever has just claimed a turn lives, however old its last heartbeat is."""
    late, other = await living(database, "one"), await living(database, "two")
    await late.turns.accept(HELLO, TurnTerms())
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE replicas SET expires_at = now() WHERE slot = 'one'")
    await connection.close()
    assert await other.turns.steal(10, silence=timedelta(minutes=1)) == []
    assert len(await other.turns.steal(10, silence=timedelta(0))) == 1


async def test_many_who_take_over_at_once_take_each_address_once(database: Database) -> None:
    """Nobody sends what another has just taken."""
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


async def test_many_who_take_turns_over_at_once_take_each_once(database: Database) -> None:
    """Nobody takes away what another has just taken: each turn has one more attempt, not two."""
    dead = await living(database, "dead")
    for number in range(60):
        await dead.turns.accept(replace(HELLO, key=f"k{number}", always_new=True), TurnTerms())
    await dead.life.leave()
    others = [await living(database, f"other{number}") for number in range(3)]
    taken = await asyncio.gather(*(one.turns.steal(7, silence=None) for one in others * 12))
    assert Counter(turn.turn_id for turns in taken for turn in turns).most_common(1)[0][1] == 1
    assert {turn.attempt for turns in taken for turn in turns} == {2}


async def test_chunks_wait_behind_own_ones_that_nobody_holds(database: Database) -> None:
    """The answer to taking them over got lost: they are found by a later sweep, and these leave after them."""
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


async def test_another_attempt_counts_once_however_often_it_is_asked_for(database: Database) -> None:
    """The answer got lost, and the same call comes again."""
    replica = await living(database, "one")
    turn = claimed(await replica.turns.accept(HELLO, TurnTerms()))
    once = await replica.turns.begin_attempt(turn)
    again = await replica.turns.begin_attempt(turn)
    assert (again.attempt, again.epoch) == (once.attempt, once.epoch) == (2, 2)
    assert (await replica.turns.begin_attempt(again)).attempt == 3
