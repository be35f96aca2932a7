"""Schedules due at the same moment: what their fires share and what happens to each, on real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.core.model import AgentName, UserId
from gateway.core.ports.schedules import NewSchedule, OnceTrigger, Schedule
from gateway.core.ports.turns import Acceptance
from scheduler.normalize import message_of_fire
from storage.database import Database
from storage.schedules import PostgresSchedules
from tests.integration.turns.stores import TERMS, Replica, answer, claimed

DUE = datetime(2026, 1, 31, 8, tzinfo=UTC)


async def living(database: Database, slot: str) -> tuple[Replica, PostgresSchedules]:
    """A replica that is alive, and its schedules."""
    replica = Replica(database, slot)
    await replica.life.beat()
    return replica, PostgresSchedules(database, replica.turns)


async def due(store: PostgresSchedules, many: int) -> Sequence[Schedule]:
    """Schedules of as many users, all due."""
    new = NewSchedule(
        UserId(""), "news", AgentName("assistant"), "What is new?", OnceTrigger(DUE), "UTC", (), True, DUE
    )
    return [await store.create(replace(new, user_id=UserId(f"user-{number}"))) for number in range(many)]


async def fire(store: PostgresSchedules, schedule: Schedule, prompt: str = "What is new?") -> Acceptance | None:
    """Fires schedules as a ticker does."""
    message = replace(message_of_fire(schedule, DUE), text=prompt)
    return await store.fire(schedule, DUE + timedelta(days=1), message, TERMS)


async def test_fires_and_their_ends_share_commits(database: Database) -> None:
    """Forty runs begin in two commits at most, and their sessions end with their turns."""
    replica, store = await living(database, "one")
    fired = await asyncio.gather(*(fire(store, schedule) for schedule in await due(store, 40)))
    turns = [claimed(accepted) for accepted in fired if accepted is not None]
    async with database.own_work() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM chat_messages") <= 2
    ended = await asyncio.gather(*(replica.turns.finish(turn, answer("nothing")) for turn in turns))
    assert [(one.session.is_active, one.session.ended_at is None) for one in ended] == [(False, False)] * 40
    async with database.own_work() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM chat_messages WHERE seq = 2") <= 3
        assert (
            await connection.fetchval(
                "SELECT count(*) FROM chat_sessions WHERE NOT is_active AND ended_at > created_at"
            )
            == 40
        )


async def test_two_replicas_fire_each_schedule_once(database: Database) -> None:
    """Both fire at the same moment; the second learns that it was done."""
    _, one = await living(database, "one")
    _, two = await living(database, "two")
    schedules = await due(one, 20)
    fired = await asyncio.gather(*(fire(store, schedule) for schedule in schedules for store in (one, two)))
    assert [sum(each is not None for each in fired[place : place + 2]) for place in range(0, 40, 2)] == [1] * 20
    async with database.own_work() as connection:
        assert await connection.fetchval("SELECT count(*) FROM chat_sessions") == 20


async def test_a_failed_fire_does_not_affect_others(database: Database) -> None:
    """Postgres refuses its prompt: it stays due, and the others fire."""
    _, store = await living(database, "one")
    odd, *others = await due(store, 5)
    fires = [fire(store, odd, "a NUL: \0"), *(fire(store, schedule) for schedule in others)]
    refused, *fired = await asyncio.gather(*fires, return_exceptions=True)
    assert isinstance(refused, Exception)
    assert all(isinstance(each, Acceptance) for each in fired)
    assert (await store.get(odd.id, odd.user_id)).next_fire_at == DUE


async def test_a_locked_schedule_does_not_delay_others(database: Database) -> None:
    """It fires once its lock is released."""
    _, store = await living(database, "one")
    held, *others = await due(store, 5)
    async with database.all_users() as connection, connection.transaction():
        await connection.execute("SELECT FROM schedules WHERE schedule_id = $1 FOR UPDATE", held.id)
        waiting = asyncio.create_task(fire(store, held))
        assert all(await asyncio.gather(*(fire(store, schedule) for schedule in others)))
        assert not waiting.done()
    assert await waiting is not None
