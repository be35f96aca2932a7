"""T1 and T2 of a single message (`accept_one`, `finish_one`) follow the rules of a batch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gateway.core.model import Turn
from gateway.core.ports.agents import TurnTerms
from gateway.errors import LeaseLost
from storage.database import Database
from tests.integration.turns.plain_turns import (
    PEOPLE,
    SCANS,
    WAITING,
    Connected,
    at_rest,
    conversation,
    living,
    said,
    saying,
    shown,
)
from tests.integration.turns.stores import HELLO, TERMS, Replica, answer, claimed
from tests.world import eventually

[MIA] = PEOPLE[:1]
ACCEPT = f"SELECT seq FROM accept_one({', '.join(f'${n}' for n in range(1, 13))})"
FINISH = f"SELECT seq FROM finish_one({', '.join(f'${n}' for n in range(1, 14))})"
KEPT = """
    SELECT (SELECT count(*) FROM chat_messages), (SELECT count(*) FROM turns), (SELECT count(*) FROM running_turns),
        (SELECT sum(last_seq + message_count) FROM chat_sessions)
"""


def accepting(key: str, session: str | None = None, owner: UUID | None = None) -> tuple[object, ...]:
    """Mia's message, as the function takes it."""
    about = (MIA, HELLO.route, session, "web", "hello", key, None, TERMS.timeout, 20, uuid4())
    return (*about, owner, timedelta(minutes=15))


def finishing(turn: Turn, owner: UUID, epoch: int = 1) -> tuple[object, ...]:
    """Mia's reply, as the function takes it."""
    about = (turn.user_id, turn.chat_id, turn.turn_id, epoch, "completed", "hi")
    return (*about, None, None, None, None, "message", None, owner)


async def test_one_message_is_kept_and_answered_through_indexes_only(replica: Replica, owner: Connected) -> None:
    """Whatever the planner prefers for tables as small as these."""
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    await owner.execute("ANALYZE")
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    async with owner.transaction():
        assert await owner.fetchval(FINISH, *finishing(claimed(accepted), replica.id)) == 4
        assert await owner.fetchval(ACCEPT, *accepting("k2")) == 5
        for seq, change in ((6, "UPDATE recent_activity SET turn_id = NULL"), (7, "DELETE FROM recent_activity")):
            await owner.execute(change)
            assert await owner.fetchval(ACCEPT, *accepting(f"k{seq}", claimed(accepted).session_id)) == seq
        scans = [(row["relname"], row["seq_scan"]) for row in await owner.fetch(SCANS)]
    assert scans == [("recent_activity", 2)]  # by the two changes above


async def test_a_message_that_is_not_plain_leaves_nothing_behind(replica: Replica, owner: Connected) -> None:
    """A duplicate, a message to a session with a running turn or to a missing session, and a late reply."""
    before = await owner.fetchrow(KEPT)
    for values in (accepting("k0"), accepting("k1", "nowhere"), accepting("k0", None, replica.id)):
        assert await owner.fetchval(ACCEPT, *values) is None
    assert await owner.fetchrow(KEPT) == before
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    before = await owner.fetchrow(KEPT)
    assert await owner.fetchval(ACCEPT, *accepting("k2")) is None
    for late in (finishing(claimed(accepted), uuid4()), finishing(claimed(accepted), replica.id, epoch=2)):
        assert await owner.fetchval(FINISH, *late) is None
    assert await owner.fetchrow(KEPT) == before


@pytest.mark.parametrize("channel", ["web", "telegram"])
async def test_a_single_message_gets_the_result_of_a_batch_of_one(
    replica: Replica, owner: Connected, channel: str
) -> None:
    """On any channel; and both leave the same rows in the session."""
    await owner.execute("UPDATE chat_sessions SET channel = $1, metadata = '{\"course\": 7}'", channel)
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    reply = finishing(claimed(accepted), replica.id)
    ended = await told(owner, "SELECT * FROM finish_one", reply)
    assert await told(owner, "SELECT * FROM finish_plain", (*listed(reply[:-1]), None, replica.id, [])) == ended
    await replica.turns.finish(claimed(accepted), answer("hi"))
    message = accepting("k2")
    begun = await told(owner, "SELECT * FROM accept_one", message)
    assert await told(owner, "SELECT * FROM accept_plain", (*listed(message[:-2]), *message[-2:])) == begun
    assert begun[0]["deliver_to"] == ([HELLO.route] if channel == "telegram" else [])


def listed(values: tuple[object, ...]) -> list[object]:
    """The arguments of a batch of one."""
    return [None if value is None else [value] for value in values]


async def told(owner: Connected, query: str, values: tuple[object, ...]) -> tuple[dict[str, object], object]:
    """A function's result and the rows it leaves, without times and batch-only fields; then it is rolled back."""
    transaction = owner.transaction()
    await transaction.start()
    row = await owner.fetchrow(f"{query}({', '.join(f'${n}' for n in range(1, len(values) + 1))})", *values)
    kept = await owner.fetchrow(
        "SELECT last_seq, message_count, title, is_active, ended_at FROM chat_sessions WHERE user_id = $1", MIA
    )
    await transaction.rollback()
    assert row is not None
    return {name: value for name, value in row.items() if name not in {"place", "at", "outbox_ids"}}, kept


async def test_a_lease_ends_by_the_databases_clock(replica: Replica, owner: Connected) -> None:
    """Not by the session's last activity, which may lie ahead of it."""
    await owner.execute(
        "UPDATE chat_sessions SET updated_at = now() + '1 day', last_message_at = now() + '1 day' WHERE user_id = $1",
        MIA,
    )
    assert await owner.fetchval(ACCEPT, *accepting("k1")) == 3
    latest = await owner.fetchval(
        "SELECT max(deadline) < now() + interval '12 hours' FROM turns WHERE user_id = $1", MIA
    )
    assert latest is True


async def test_one_message_at_two_replicas_is_kept_once(replica: Replica, database: Database) -> None:
    """Both may look it up before either has committed."""
    other = await living(database, "two")
    for number in range(1, 20):
        key = f"k{number}"
        one, two = await asyncio.gather(*(at.turns.accept(saying(MIA, key), TERMS) for at in (replica, other)))
        assert ({one.status, two.status}, one.message) == ({"accepted", "duplicate"}, two.message)
        first = one.status == "accepted"
        await (replica if first else other).turns.finish(claimed(one if first else two), answer("hi"))


async def test_a_route_that_moves_meanwhile_keeps_a_message_in_one_session(
    replica: Replica, owner: Connected, watcher: Connected
) -> None:
    """The message comes again after the route moved to another session, while the first call is in progress."""
    beginning = replace(saying(MIA, "k1"), begins_session=True)
    elsewhere = await conversation(replica, await replica.turns.accept(beginning, TERMS))
    here = await owner.fetchval(
        "SELECT session_id FROM chat_sessions WHERE user_id = $1 AND session_id <> $2", MIA, elsewhere
    )
    await conversation(replica, await replica.turns.accept(replace(saying(MIA, "k2"), session_id=here), TERMS))
    async with owner.transaction():
        assert await owner.fetchval(ACCEPT, *accepting("k3")) is not None
        moving = asyncio.create_task(replica.turns.accept(replace(saying(MIA, "k4"), session_id=elsewhere), TERMS))
        await eventually(lambda: at_rest(moving, watcher))
        again = asyncio.create_task(replica.turns.accept(saying(MIA, "k3"), TERMS))
        await eventually(lambda: watcher.fetch(f"{WAITING} OFFSET 1") if not moving.done() else at_rest(again, watcher))
    assert ((await again).status, (await moving).status) == ("duplicate", "accepted")


async def test_a_reply_waits_for_a_takeover_of_its_turn(replica: Replica, owner: Connected, watcher: Connected) -> None:
    """And is refused: the row of the turn decides."""
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    async with owner.transaction():
        change = "UPDATE turns SET epoch = epoch + 1, owner = gen_random_uuid() WHERE turn_id = $1"
        await owner.execute(change, accepted.turn_id)
        answering = asyncio.create_task(replica.turns.finish(claimed(accepted), answer("hi")))
        await eventually(lambda: watcher.fetch(WAITING))
    with pytest.raises(LeaseLost):
        await answering


async def test_an_overtaken_reply_names_the_next_turn(replica: Replica, owner: Connected, watcher: Connected) -> None:
    """A newer message supersedes its turn first, so the reply is no longer plain."""
    [accepted] = await said(replica, "k1", PEOPLE[:1])
    async with owner.transaction():
        await owner.execute("SELECT FROM chat_sessions WHERE user_id = $1 FOR UPDATE", MIA)
        newer = asyncio.create_task(replica.turns.accept(saying(MIA, "k2"), TurnTerms(strategy="rollback")))
        await eventually(lambda: watcher.fetch(WAITING))
        answering = asyncio.create_task(replica.turns.finish(claimed(accepted), answer("hi")))
        await eventually(lambda: watcher.fetch(f"{WAITING} OFFSET 1"))
    assert (await newer).superseded == (accepted.turn_id,)
    finished = await answering
    assert (finished.status, finished.next_turn is not None) == ("cancelled", True)
    assert shown(claimed_after(finished.next_turn).messages[0]) == ("hello", 4)


def claimed_after(turn: Turn | None) -> Turn:
    assert turn is not None
    return turn
