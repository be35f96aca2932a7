"""T1 and T2 in batches on real Postgres: what shares a commit, what happens to each item, and what can interfere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from gateway.core.model import SessionId, Turn, UserId
from gateway.core.outbound import Reply
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.sessions.editing import Question
from gateway.core.ports.turns import Finished
from gateway.errors import LeaseLost, NotFound
from storage.database import Database
from storage.sessions.editing import PostgresEdits
from storage.sessions.sessions import PostgresSessions
from tests.integration.turns.plain_turns import (
    ACCEPT,
    PEOPLE,
    WAITING,
    Connected,
    accepting,
    at_rest,
    conversation,
    heard,
    living,
    said,
    saying,
    shown,
)
from tests.integration.turns.stores import TERMS, Replica, answer, claimed
from tests.world import eventually

COMMITS = "SELECT count(DISTINCT xmin::text) FROM chat_messages WHERE role = $1 AND seq > 2"


async def test_simultaneous_messages_and_replies_share_commits(replica: Replica, owner: Connected) -> None:
    """Six people at once: one transaction for their messages, and one for their replies."""
    accepted = await said(replica, "k1")
    finished = await heard(replica, accepted)
    assert [shown(one.message) for one in accepted] == [("hello", 3)] * 6
    assert [shown(one.message) for one in finished] == [("hi", 4)] * 6
    assert [await owner.fetchval(COMMITS, role) for role in ("user", "assistant")] == [1, 1]


async def test_a_session_named_like_a_user_delays_nobody(replica: Replica, owner: Connected) -> None:
    """A client may name any session: a stranger's message doesn't keep a user's out of the batch."""
    strange = replace(saying(UserId("eve"), "e1"), session_id=SessionId(PEOPLE[0]))
    results = await asyncio.gather(replica.turns.accept(strange, TERMS), said(replica, "k1"), return_exceptions=True)
    assert isinstance(results[0], NotFound)
    assert await owner.fetchval(COMMITS, "user") == 1


async def test_a_batch_returns_what_it_stores(replica: Replica, database: Database) -> None:
    """Session, message and turn are the same as those a redelivery reads from their rows."""
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    [again] = await said(replica, "k1", PEOPLE[:1])
    assert (again.status, again.session, again.message) == ("duplicate", accepted.session, accepted.message)
    assert claimed(again) == claimed(accepted)
    reply = Reply(
        "failed", "Sorry.", ({"type": "tool", "input": [1.0]},), None, "bad", kind="apology", error_class="timeout"
    )
    first = await replica.turns.finish(claimed(accepted), reply)
    assert await replica.turns.finish(claimed(accepted), reply) == first


async def test_a_refused_item_does_not_affect_others(replica: Replica) -> None:
    """A text contains a NUL: everybody else's message is stored anyway."""
    poisoned = replica.turns.accept(saying(PEOPLE[0], "k1", "a\0b"), TERMS)
    results = await asyncio.gather(poisoned, said(replica, "k1", PEOPLE[1:]), return_exceptions=True)
    assert isinstance(results[0], asyncpg.PostgresError)
    assert isinstance(results[1], list)
    assert [shown(one.message) for one in results[1]] == [("hello", 3)] * 5


async def test_a_batch_without_a_result_is_repeated_one_by_one(
    replica: Replica, owner: Connected, watcher: Connected
) -> None:
    """Whether it was committed is unknown; each message is stored once either way."""
    async with owner.transaction():
        await owner.execute("LOCK turns IN SHARE MODE")
        saying_it = asyncio.create_task(said(replica, "k1"))
        [waiting] = await eventually(lambda: watcher.fetch(WAITING))
        await owner.execute("SELECT pg_terminate_backend($1)", waiting["pid"])
    assert [shown(one.message) for one in await saying_it] == [("hello", 3)] * 6


async def test_a_locked_session_does_not_delay_others(replica: Replica, owner: Connected, watcher: Connected) -> None:
    """It is left out of the batch, and waits by itself."""
    async with owner.transaction():
        await owner.execute("SELECT FROM chat_sessions WHERE user_id = $1 FOR UPDATE", PEOPLE[0])
        held = asyncio.create_task(said(replica, "k1", PEOPLE[:1]))
        others = await said(replica, "k1", PEOPLE[1:])
        assert [shown(one.message) for one in others] == [("hello", 3)] * 5
        await eventually(lambda: watcher.fetch(WAITING))
        assert not held.done()
    assert [shown(one.message) for one in await held] == [("hello", 3)]


async def test_one_key_in_batches_of_two_replicas_is_kept_once(replica: Replica, database: Database) -> None:
    """Both may check before either has committed."""
    other = await living(database, "two")
    for number in range(10):
        both = await asyncio.gather(said(replica, f"k{number + 1}"), said(other, f"k{number + 1}"))
        for one, two in zip(*both, strict=True):
            assert {one.status, two.status} == {"accepted", "duplicate"}
            assert one.message == two.message
        for place, one in enumerate(both[0]):
            mine = one.status == "accepted"
            turn = claimed(one if mine else both[1][place])
            await (replica if mine else other).turns.finish(turn, answer("hi"))


async def test_a_route_that_moves_meanwhile_keeps_a_message_in_one_session(
    replica: Replica, database: Database, owner: Connected, watcher: Connected
) -> None:
    """It comes to two replicas, and to the second when the route has moved to another session; the first is still under way."""
    user = PEOPLE[0]
    beginning = replace(saying(user, "k1"), begins_session=True)
    elsewhere = await conversation(replica, await replica.turns.accept(beginning, TERMS))
    here = await owner.fetchval(
        "SELECT session_id FROM chat_sessions WHERE user_id = $1 AND session_id <> $2", user, elsewhere
    )
    await conversation(replica, await replica.turns.accept(replace(saying(user, "k2"), session_id=here), TERMS))
    async with owner.transaction():
        assert await owner.fetch(
            ACCEPT, *(values[:1] if isinstance(values, list) else values for values in accepting("k3"))
        )
        moving = asyncio.create_task(replica.turns.accept(replace(saying(user, "k4"), session_id=elsewhere), TERMS))
        await eventually(lambda: at_rest(moving, watcher))
        again = asyncio.create_task(replica.turns.accept(saying(user, "k3"), TERMS))
        await eventually(lambda: watcher.fetch(f"{WAITING} OFFSET 1") if not moving.done() else at_rest(again, watcher))
    assert (await again).status == "duplicate"
    assert (await moving).status == "accepted"


async def test_a_message_that_comes_again_after_its_route_has_moved_is_a_duplicate(replica: Replica) -> None:
    """Whatever session is current by then: it is looked for among all that the user said without naming one."""
    user = PEOPLE[0]
    [first] = await said(replica, "k1", (user,))
    await heard(replica, [first])
    beginning = replace(saying(user, "k2"), begins_session=True)
    await conversation(replica, await replica.turns.accept(beginning, TERMS))
    [again] = await said(replica, "k1", (user,))
    assert (again.status, again.message) == ("duplicate", first.message)


async def test_a_turn_that_was_taken_over_is_lost_and_no_other(replica: Replica, database: Database) -> None:
    """Its result is in one batch with those of turns that this replica still owns."""
    accepted = await said(replica, "k1")
    other = await living(database, "two")
    await replica.turns.release([claimed(accepted[0]).turn_id])
    [stolen] = await other.turns.steal(10, silence=timedelta(0))
    results = await asyncio.gather(
        *(replica.turns.finish(claimed(one), answer("late")) for one in accepted), return_exceptions=True
    )
    assert isinstance(results[0], LeaseLost)
    assert all(isinstance(one, Finished) for one in results[1:])
    assert shown((await other.turns.finish(stolen, answer("hi"))).message) == ("hi", 4)


@pytest.mark.parametrize("taken", ["released", "stolen"])
async def test_a_turn_taken_over_during_its_reply_gets_one_reply(
    replica: Replica, database: Database, owner: Connected, watcher: Connected, taken: str
) -> None:
    """The row of the turn decides: the first to change it wins."""
    accepted = await said(replica, "k1")
    first = claimed(accepted[0])
    async with owner.transaction():
        change = "owner = NULL" if taken == "released" else "epoch = epoch + 1, owner = gen_random_uuid()"
        await owner.execute(f"UPDATE turns SET {change} WHERE turn_id = $1", first.turn_id)
        answering = [asyncio.create_task(replica.turns.finish(claimed(one), answer("hi"))) for one in accepted]
        await eventually(lambda: watcher.fetch(WAITING))
    results = await asyncio.gather(*answering, return_exceptions=True)
    assert isinstance(results[0], LeaseLost)
    assert [shown(one.message) for one in results[1:] if isinstance(one, Finished)] == [("hi", 4)] * 5


@pytest.mark.parametrize(("strategy", "status"), [("interrupt", "completed"), ("rollback", "cancelled")])
async def test_a_newer_message_overrides_a_reply_being_recorded(
    replica: Replica, owner: Connected, watcher: Connected, strategy: str, status: str
) -> None:
    """A reply whose turn was superseded is no longer plain, even if it was already being recorded."""
    accepted = await said(replica, "k1")
    terms = TurnTerms(strategy=strategy)  # type: ignore[arg-type] # a parameter of the test
    newer = replica.turns.accept(saying(PEOPLE[0], "k2"), terms)
    async with owner.transaction():
        await owner.execute("SELECT FROM chat_sessions WHERE user_id = $1 FOR UPDATE", PEOPLE[0])
        superseding = asyncio.create_task(newer)
        await eventually(lambda: watcher.fetch(WAITING))
        answering = asyncio.create_task(heard(replica, accepted))
        await eventually(lambda: watcher.fetch(f"{WAITING} OFFSET 1"))
    finished = await answering
    assert (await superseding).superseded == (claimed(accepted[0]).turn_id,)
    assert [one.status for one in finished] == [status, *["completed"] * 5]
    assert finished[0].next_turn is not None
    assert finished[0].message.deleted == (strategy == "rollback")


async def test_a_cancelled_turn_keeps_its_partial_reply(replica: Replica) -> None:
    """Its reply is as plain as any other."""
    accepted = await said(replica, "k1")
    await replica.turns.request_cancel(claimed(accepted[0]).turn_id, PEOPLE[0])
    stopped = replace(answer("so far"), status="cancelled")
    assert (await replica.turns.finish(claimed(accepted[0]), stopped)).status == "cancelled"


RUNNING = "SELECT chat_id, turn_id, user_id FROM turns WHERE status = 'running' ORDER BY chat_id"
KNOWN = "SELECT chat_id, turn_id, user_id FROM running_turns ORDER BY chat_id"


async def test_a_turn_is_known_to_run_exactly_while_it_does(
    replica: Replica, database: Database, owner: Connected
) -> None:
    """R-5: claimed, waited behind, followed by another, taken over, answered, and deleted with its session."""

    async def known() -> int:
        running = await owner.fetch(RUNNING)
        assert await owner.fetch(KNOWN) == running
        return len(running)

    accepted = await said(replica, "k1")
    await said(replica, "k2", PEOPLE[:2])
    assert await known() == 6
    follow, last = [claimed_next(one) for one in (await heard(replica, accepted))[:2]]
    assert await known() == 2
    await replica.turns.release([follow.turn_id])
    other = await living(database, "two")
    [stolen] = await other.turns.steal(10, silence=timedelta(0))
    assert await known() == 2
    await other.turns.finish(stolen, answer("hi"))
    assert await known() == 1
    await PostgresSessions(database, timedelta(minutes=15)).delete(last.session_id, last.user_id)
    assert await known() == 0


def claimed_next(finished: Finished) -> Turn:
    assert finished.next_turn is not None
    return finished.next_turn


TOO_LONG = "SELECT count(*) FROM turns WHERE deadline > clock_timestamp() + time_limit + interval '30 seconds'"


async def test_setting_the_databases_clock_back_extends_no_lease(
    replica: Replica, database: Database, owner: Connected
) -> None:
    """A session's times never go backwards and may be in the future; a lease that was would delay takeovers until then."""
    await owner.execute("UPDATE chat_sessions SET updated_at = updated_at + interval '1 hour'")
    accepted = await said(replica, "k1")
    await said(replica, "k2", PEOPLE[:1])
    plain = await owner.fetchval(TOO_LONG)
    followed, *_ = await heard(replica, accepted)
    queued = await owner.fetchval(TOO_LONG)
    await replica.turns.finish(claimed_next(followed), answer("hi"))
    question = Question(followed.session.session_id, None, None, PEOPLE[0])
    await PostgresEdits(database, replica.id).answer_again(question, PEOPLE[0], TERMS)
    again = await owner.fetchval(TOO_LONG)
    await replica.turns.accept(replace(saying(PEOPLE[1], "k3"), ends_session=True), TERMS)
    assert (plain, queued, again, await owner.fetchval(TOO_LONG)) == (0, 0, 0, 0)
