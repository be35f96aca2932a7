"""T1, T2 and the claims between them, on real Postgres."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from gateway.core.model import Turn, UserId
from gateway.core.outbound import Chunk
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.outbox import Settled
from gateway.errors import LeaseLost, NotFound
from storage.database import Database
from tests.integration.turns.stores import CHAT, HELLO, TERMS, Replica, answer, claimed, saying


@pytest_asyncio.fixture
async def replica(database: Database) -> Replica:
    """A replica that is alive."""
    alive = Replica(database, "one")
    await alive.life.beat()
    return alive


async def test_a_turn_has_the_time_of_its_first_message(replica: Replica, database_url: str) -> None:
    """The time is taken while the session is locked, so that times and positions are in one order."""
    for key in ("k1", "k2", "k3"):
        await replica.turns.accept(saying("hello", key), TERMS)
    owner = await asyncpg.connect(database_url)
    other = await owner.fetchval(
        "SELECT count(*) FROM turns AS t JOIN chat_messages AS m USING (chat_id, seq) WHERE t.created_at <> m.created_at"
    )
    await owner.close()
    assert other == 0


async def test_a_first_message_makes_a_session_and_a_claimed_turn(replica: Replica) -> None:
    """AC-6: one round trip stores everything."""
    accepted = await replica.turns.accept(HELLO, TERMS)
    assert accepted.session_is_new
    assert (claimed(accepted).text, claimed(accepted).attempt) == ("hello", 1)


async def test_the_same_message_again_is_a_duplicate_of_the_same_turn(replica: Replica) -> None:
    """A redelivery gets the first one's row, and the turn if it still belongs to this replica."""
    first = await replica.turns.accept(HELLO, TERMS)
    again = await replica.turns.accept(HELLO, TERMS)
    assert again.status == "duplicate"
    assert again.message == first.message
    assert claimed(again).turn_id == claimed(first).turn_id


async def test_a_duplicate_is_found_after_the_window_too(database: Database, replica: Replica) -> None:
    """A redelivery after a long outage must not start a second session."""
    first = await replica.turns.accept(HELLO, TERMS)
    later = Replica(database, "two", window=timedelta(0))
    again = await later.turns.accept(HELLO, TERMS)
    assert again.status == "duplicate"
    assert again.message == first.message


async def test_a_retry_that_now_names_its_session_is_a_duplicate(replica: Replica) -> None:
    """The first send had no session yet; its retry names the one it created."""
    first = await replica.turns.accept(HELLO, TERMS)
    assert first.session is not None
    again = await replica.turns.accept(replace(HELLO, session_id=first.session.session_id), TERMS)
    assert again.status == "duplicate"


async def test_concurrent_first_messages_make_one_session(replica: Replica) -> None:
    """AC-12."""
    many = await asyncio.gather(*(replica.turns.accept(saying(f"m{n}", f"k{n}"), TERMS) for n in range(20)))
    assert len({one.session.session_id for one in many if one.session}) == 1
    assert sorted(one.message.seq for one in many if one.message) == list(range(1, 21))
    assert sum(one.turn is not None for one in many) == 1


async def test_after_the_window_a_new_session_begins_and_the_message_runs(database: Database, replica: Replica) -> None:
    """R-2: the late message is not lost, and the old session stays."""
    first = await replica.turns.accept(HELLO, TERMS)
    await replica.turns.finish(claimed(first), answer("hi"))
    late = await Replica(database, "two", window=timedelta(0)).turns.accept(saying("later", "k2"), TERMS)
    assert late.session_is_new
    assert claimed(late).text == "later"


async def test_a_running_turn_counts_as_activity(database: Database, replica: Replica) -> None:
    """R-2: a slow answer does not split its conversation."""
    first = await replica.turns.accept(HELLO, TERMS)
    second = await Replica(database, "two", window=timedelta(0)).turns.accept(saying("more", "k2"), TERMS)
    assert second.session is not None
    assert first.session is not None
    assert second.session.session_id == first.session.session_id


async def test_replies_and_queued_messages_keep_their_order(replica: Replica) -> None:
    """The next turn is claimed with the reply, and its history lists turns in order, whatever their seq."""
    first = claimed(await replica.turns.accept(HELLO, TERMS))
    queued = await replica.turns.accept(saying("second", "k2"), TERMS)
    assert (queued.turn_status, queued.turn) == ("queued", None)
    finished = await replica.turns.finish(first, answer("hi"))
    assert finished.message.seq == 3
    assert finished.next_turn is not None
    assert [message.content for message in finished.next_turn.history] == ["hello", "hi"]
    assert finished.next_turn.text == "second"


async def test_history_is_as_long_as_the_agent_wants(replica: Replica) -> None:
    """M-3: the last N turns, and no more."""
    terms = TurnTerms(history=2)
    for number in range(5):
        await replica.turns.finish(
            claimed(await replica.turns.accept(saying(f"q{number}", f"k{number}"), terms)), answer(f"a{number}")
        )
    last = claimed(await replica.turns.accept(saying("now", "k9"), terms))
    assert [message.content for message in last.history] == ["q3", "a3", "q4", "a4"]


async def test_collected_messages_share_a_turn(replica: Replica) -> None:
    """Messages queued during a turn are answered together."""
    terms = TurnTerms(collect=True)
    first = claimed(await replica.turns.accept(HELLO, terms))
    for number in (2, 3):
        await replica.turns.accept(saying(f"m{number}", f"k{number}"), terms)
    finished = await replica.turns.finish(first, answer("hi"))
    assert finished.next_turn is not None
    assert [message.content for message in finished.next_turn.messages] == ["m2", "m3"]


async def test_reject_keeps_nothing_of_a_second_message(replica: Replica) -> None:
    """It is refused while a turn runs, and accepted when it comes again later."""
    terms = TurnTerms(strategy="reject")
    first = claimed(await replica.turns.accept(HELLO, terms))
    assert (await replica.turns.accept(saying("second", "k2"), terms)).status == "rejected"
    await replica.turns.finish(first, answer("hi"))
    assert (await replica.turns.accept(saying("second", "k2"), terms)).status == "accepted"


async def test_finishing_twice_returns_the_same_result(replica: Replica) -> None:
    """An ambiguous commit is repeated: one reply, and the same chunks to send."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    reply = replace(answer("hi"), chunks=((CHAT, Chunk("hi")),))
    first, again = [await replica.turns.finish(turn, reply) for _ in range(2)]
    assert first == again


async def test_a_stolen_turn_fences_its_old_owner(database: Database, replica: Replica) -> None:
    """Promise 2: at most one result is kept."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    await replica.life.leave()
    thief = Replica(database, "two")
    await thief.life.beat()
    [stolen] = await thief.turns.steal(10, silence=timedelta(0))
    assert (stolen.turn_id, stolen.attempt, stolen.epoch) == (turn.turn_id, 2, 2)
    with pytest.raises(LeaseLost):
        await replica.turns.finish(turn, answer("late"))
    with pytest.raises(LeaseLost):
        await replica.turns.begin_attempt(turn)
    await thief.turns.finish(stolen, answer("on time"))


async def test_turns_of_live_replicas_are_not_stolen(database: Database, replica: Replica) -> None:
    """A heartbeat protects every turn of its replica."""
    await replica.turns.accept(HELLO, TERMS)
    assert await Replica(database, "two").turns.steal(10, silence=timedelta(0)) == []


async def test_a_new_process_in_the_same_slot_ends_the_one_before(database: Database, replica: Replica) -> None:
    """A restart need not wait for the lease to expire."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    reborn = Replica(database, "one")
    await reborn.life.beat()
    assert [stolen.turn_id for stolen in await reborn.turns.steal(10, silence=timedelta(0))] == [turn.turn_id]


async def test_a_handed_over_turn_does_not_cost_an_attempt(database: Database, replica: Replica) -> None:
    """Draining is not a failure."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    await replica.turns.release([turn.turn_id])
    other = Replica(database, "two")
    await other.life.beat()
    [taken] = await other.turns.steal(10, silence=timedelta(0))
    assert taken.attempt == 1


async def test_another_users_session_is_not_found(replica: Replica) -> None:
    """AC-10: a foreign session looks like a missing one."""
    first = await replica.turns.accept(HELLO, TERMS)
    assert first.session is not None
    for session_id in (first.session.session_id, "no-such-session"):
        stranger = replace(HELLO, user_id=UserId("bob"), key="k9", session_id=session_id)  # type: ignore[arg-type] # any text
        with pytest.raises(NotFound, match="no such session"):
            await replica.turns.accept(stranger, TERMS)


async def test_unsent_chunks_of_dead_replicas_are_taken_over_in_order(database: Database, replica: Replica) -> None:
    """A recorded reply is sent by a live replica."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    chunks = tuple((CHAT, Chunk(text)) for text in ("one", "two", "three"))
    finished = await replica.turns.finish(turn, replace(answer("all"), chunks=chunks))
    await replica.outbox.mark(Settled(finished.outbox[0].item_id, "sent"))
    await replica.life.leave()
    other = Replica(database, "two")
    await other.life.beat()
    assert [item.chunk.text for item in await other.outbox.steal(10, [], expired=True)] == ["two", "three"]
    assert await other.outbox.steal(10, [], expired=True) == []


async def test_one_replica_polls_an_account(database: Database, replica: Replica) -> None:
    """The lease fails over when its holder dies."""
    other = Replica(database, "two")
    await other.life.beat()
    assert await replica.leases.hold("bot")
    assert not await other.leases.hold("bot")
    await replica.life.leave()
    assert await other.leases.hold("bot")


async def test_the_seq_of_a_session_has_no_gaps_under_load(
    database: Database, database_url: str, replica: Replica
) -> None:
    """I7: messages and replies written at once."""

    async def talk(number: int) -> None:
        accepted = await replica.turns.accept(saying(f"m{number}", f"k{number}"), TERMS)
        turn = accepted.turn
        while turn is not None:
            turn = (await replica.turns.finish(turn, answer("ok"))).next_turn

    await asyncio.gather(*(talk(number) for number in range(50)))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT seq FROM chat_messages ORDER BY seq")
    open_turns = await connection.fetchval("SELECT count(*) FROM turns WHERE status <> 'completed'")
    await connection.close()
    assert [row["seq"] for row in rows] == list(range(1, 101))
    assert open_turns == 0


async def test_a_turn_that_its_own_replica_lost_is_found_again(database_url: str, replica: Replica) -> None:
    """Claimed, then its task was lost: the sweep takes it once it is clear that nobody runs it."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    assert await replica.turns.steal(10, [], silence=timedelta(0)) == []
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE turns SET deadline = deadline - interval '1 minute'")
    await connection.close()
    assert await replica.turns.steal(10, [turn.turn_id], silence=timedelta(0)) == []
    assert [lost.turn_id for lost in await replica.turns.steal(10, [], silence=timedelta(0))] == [turn.turn_id]


async def test_a_repeated_finish_returns_only_unsent_chunks(database: Database, replica: Replica) -> None:
    """Chunks sent since, or taken over by another replica, are not sent again."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    chunks = tuple((CHAT, Chunk(text)) for text in ("one", "two"))
    reply = replace(answer("all"), chunks=chunks)
    finished = await replica.turns.finish(turn, reply)
    await replica.outbox.mark(Settled(finished.outbox[0].item_id, "sent"))
    again = await replica.turns.finish(turn, reply)
    assert [item.chunk.text for item in again.outbox] == ["two"]


async def test_a_replica_does_not_steal_its_own_waiting_turns(database_url: str, replica: Replica) -> None:
    """A turn that waits for a slot beyond its deadline keeps its attempt."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE turns SET deadline = now() - interval '1 second'")
    await connection.close()
    assert await replica.turns.steal(10, [turn.turn_id], silence=timedelta(0)) == []


async def test_the_history_contains_collected_turns(replica: Replica) -> None:
    """A turn with several messages counts as one turn of the history."""
    terms = TurnTerms(collect=True, history=3)
    turn: Turn | None = claimed(await replica.turns.accept(HELLO, terms))
    for number in range(12):
        await replica.turns.accept(saying(f"m{number}", f"c{number}"), terms)
    assert turn is not None
    turn = (await replica.turns.finish(turn, answer("a"))).next_turn
    assert turn is not None
    await replica.turns.finish(turn, answer("b"))
    last = claimed(await replica.turns.accept(saying("now", "k9"), terms))
    assert [message.content for message in last.history][:2] == ["hello", "a"]
    assert len(last.history) == 15


async def test_every_append_updates_the_time_of_the_last_message(database_url: str, replica: Replica) -> None:
    """R-1: after the question and after the answer it is the newest row's time."""
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    query = (
        "SELECT s.last_message_at = max(m.created_at) AS kept, count(*) AS rows FROM chat_sessions AS s"
        " JOIN chat_messages AS m USING (chat_id) GROUP BY s.chat_id"
    )
    connection = await asyncpg.connect(database_url)
    asked = await connection.fetch(query)
    await replica.turns.finish(turn, answer("hi"))
    answered = await connection.fetch(query)
    await connection.close()
    assert [tuple(row) for row in (*asked, *answered)] == [(True, 1), (True, 2)]
