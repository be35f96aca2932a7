"""Turns that wait for an answer, in the store: recorded once, answered once, and never run meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.core.events import ApprovalRequest
from gateway.core.model import WEB, ApprovalId, UserId
from gateway.core.outbound import Chunk
from gateway.core.ports.approvals import Answered, GivenAnswer
from gateway.core.ports.turns import Question
from gateway.errors import LeaseLost
from storage.database import Database
from storage.turns.approvals import PostgresApprovals
from tests.integration.turns.stores import CHAT, HELLO, TERMS, Replica, answer, claimed, saying

REQUEST = ApprovalRequest("Go on?", ("Allow", "Deny"), resume={"n": 1})


async def living(database: Database, slot: str) -> Replica:
    """A replica that is alive."""
    replica = Replica(database, slot)
    await replica.life.beat()
    return replica


def question(request: ApprovalRequest = REQUEST) -> Question:
    """A question with one chunk for the chat."""
    reply = replace(answer("Go on?\n\n1. Allow\n2. Deny"), chunks=((CHAT, Chunk("Go on?")),))
    return Question(ApprovalId(uuid4()), request, "user", reply)


def given(asked: Question, choice: str = "Allow", by: str = "ann") -> GivenAnswer:
    """An answer to it."""
    return GivenAnswer(asked.approval_id, choice, None, UserId(by), is_operator=False, channel=WEB, key=uuid4())


async def rows(database_url: str, query: str) -> list[dict[str, Any]]:
    """The rows of a query, as the owner of the database sees them."""
    connection = await asyncpg.connect(database_url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_a_repeated_question_is_recorded_once(database: Database, database_url: str) -> None:
    """The result of the first call may get lost; the chunks are handed out again, even after the answer."""
    replica, asked = await living(database, "one"), question()
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    first = await replica.turns.ask(turn, asked)
    second = await replica.turns.ask(turn, asked)
    assert first is not None
    assert second is not None
    assert (second.message, second.outbox, second.status) == (first.message, first.outbox, "waiting")
    await PostgresApprovals(database).answer(given(asked))
    third = await replica.turns.ask(turn, asked)
    assert third is not None
    assert third.outbox == first.outbox
    assert len(await rows(database_url, "SELECT FROM approvals")) == 1


async def test_an_older_claim_cannot_ask(database: Database) -> None:
    """The lease moved on; and a turn that was cancelled meanwhile asks nothing."""
    replica = await living(database, "one")
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    await replica.turns.begin_attempt(turn)
    with pytest.raises(LeaseLost):
        await replica.turns.ask(turn, question())
    await replica.turns.request_cancel(turn.turn_id, HELLO.user_id)
    newer = replace(turn, epoch=2, attempt=2)
    assert await replica.turns.ask(newer, question()) is None
    assert (await replica.turns.finish(newer, answer("half"))).status == "completed"


async def test_nobody_claims_a_turn_that_waits(database: Database) -> None:
    """Nothing of it runs until the answer; then one of two replicas continues it, with another epoch."""
    one, two, asked = await living(database, "one"), await living(database, "two"), question()
    turn = claimed(await one.turns.accept(HELLO, TERMS))
    await one.turns.ask(turn, asked)
    assert [*await two.turns.steal(9, silence=timedelta(0)), *await one.turns.steal(9, silence=timedelta(0))] == []
    await PostgresApprovals(database).answer(given(asked))
    both = await asyncio.gather(*(replica.turns.steal(9, silence=None) for replica in (one, two)))
    [again] = [turn for turns in both for turn in turns]
    assert (again.epoch, again.attempt, again.counted_attempts) == (2, 2, 1)
    assert [(given.choice, given.resume) for given in again.answers] == [("Allow", {"n": 1})]


async def test_the_first_of_many_answers_counts(database: Database, database_url: str) -> None:
    """Answers, the expiry and a cancellation at the same moment: one of them decides, and the turn is claimable once."""
    replica, store = await living(database, "one"), PostgresApprovals(database)
    for number in range(8):
        asked = question(replace(REQUEST, expires_in=0.001))
        said = saying(f"hello {number}", f"k{number}", always_new=True)
        turn = claimed(await replica.turns.accept(said, TERMS))
        await replica.turns.ask(turn, asked)
        results = await asyncio.gather(
            *(store.answer(given(asked, choice)) for choice in ("Allow", "Deny", "1")),
            store.expire(),
            replica.turns.request_cancel(turn.turn_id, HELLO.user_id),
        )
        answered = [result for result in results if isinstance(result, Answered) and result.status == "answered"]
        assert len(answered) <= 1
        [again] = await replica.turns.steal(9, silence=None)
        assert len(again.answers) <= 1
        assert await replica.turns.steal(9, (again.turn_id,), silence=None) == []
        await replica.turns.finish(again, answer("done"))
    left = await rows(database_url, "SELECT FROM approvals WHERE answered_at IS NULL AND closed_at IS NULL")
    assert left == []
    assert await rows(database_url, "SELECT FROM turns WHERE status NOT IN ('completed', 'cancelled')") == []


async def test_chunks_of_question_and_reply_stay_apart(database: Database, database_url: str) -> None:
    """Both have a first chunk; a repeated end hands out those of the reply only."""
    replica, asked = await living(database, "one"), question()
    turn = claimed(await replica.turns.accept(HELLO, TERMS))
    before = await replica.turns.ask(turn, asked)
    assert before is not None
    await PostgresApprovals(database).answer(given(asked))
    [again] = await replica.turns.steal(9, silence=None)
    reply = replace(answer("done"), chunks=((CHAT, Chunk("done")),))
    held = [item.item_id for item in before.outbox]
    first = await replica.turns.finish(again, reply, held)
    assert [item.chunk.text for item in first.outbox] == ["done"]
    assert (await replica.turns.finish(again, reply, held)).outbox == first.outbox
    assert [row["chunk"] for row in await rows(database_url, "SELECT chunk FROM outbox ORDER BY item_id")] == [
        1,
        1000001,
    ]
