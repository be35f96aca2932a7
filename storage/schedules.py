"""Schedules, and the transaction that fires them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

import structlog
from asyncpg import Record

from gateway.core.inbound import InboundMessage
from gateway.core.model import SCHEDULED, Address, AgentName, JsonObject, SessionId, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.schedules import (
    MOST_LISTED,
    CronTrigger,
    IntervalTrigger,
    NewSchedule,
    OnceTrigger,
    RunPage,
    Schedule,
    ScheduleId,
    ScheduleRun,
    Trigger,
)
from gateway.core.ports.turns import Acceptance
from gateway.errors import InvalidInput, NotFound
from storage.batches import Batches
from storage.connections import PooledConnection
from storage.cursors import from_cursor, to_cursor
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.quotas import require_room
from storage.turns.turn_ids import new_turn_id
from storage.turns.turn_log import error_class_of
from storage.turns.turns import PostgresTurns, acceptance

log = structlog.get_logger(__name__)
SQL = load_queries("schedules")
NOT_THERE = "There is no such schedule."


@dataclass(slots=True)
class PostgresSchedules:
    """`ScheduleStore` on Postgres. Simultaneous fires share a statement and a commit."""

    database: Database
    turns: PostgresTurns
    _fires: Batches[Sequence[object], Record] = field(init=False)

    def __post_init__(self) -> None:
        self._fires = Batches(self._fire_all)

    async def create(self, new: NewSchedule, *, most: int | None = None) -> Schedule:
        async with self.database.as_user(new.user_id) as connection:
            await require_room(connection, "schedules", new.user_id, most)
            row = await fetch_one(
                connection,
                SQL["create"],
                new.user_id,
                new.name,
                new.agent_name,
                new.prompt,
                _trigger_json(new.trigger),
                new.timezone,
                new.deliver_to,
                new.is_active,
                new.next_fire_at,
            )
        return _to_schedule(row)

    async def list(self, user_id: UserId | None, limit: int = MOST_LISTED) -> Sequence[Schedule]:
        async with self.database.as_user(user_id) as connection:
            return [_to_schedule(row) for row in await connection.fetch(SQL["list"], user_id, limit)]

    async def get(self, schedule_id: ScheduleId, user_id: UserId | None) -> Schedule:
        async with self.database.as_user(user_id) as connection:
            return _found(await connection.fetchrow(SQL["get"], schedule_id))

    async def change(self, before: Schedule, after: Schedule) -> Schedule | None:
        async with self.database.as_user(before.user_id) as connection:
            row = await connection.fetchrow(
                SQL["change"],
                before.id,
                before.revision,
                before.is_active,
                before.next_fire_at,
                after.name,
                after.agent_name,
                after.prompt,
                _trigger_json(after.trigger),
                after.timezone,
                after.deliver_to,
                after.is_active,
                after.next_fire_at,
            )
        return None if row is None else _to_schedule(row)

    async def runs(self, schedule_id: ScheduleId, user_id: UserId | None, limit: int, cursor: str | None) -> RunPage:
        before, below = from_cursor(cursor)
        async with self.database.as_user(user_id) as connection:
            schedule = _found(await connection.fetchrow(SQL["get"], schedule_id))
            rows = await connection.fetch(
                SQL["runs"], schedule.user_id, f"{SCHEDULED}:{schedule_id}", before, below, limit + 1
            )
        page = rows[:limit]
        following = to_cursor(page[-1]["fired_at"], page[-1]["chat_id"]) if len(rows) > limit else None
        return RunPage(tuple(_to_run(row, schedule_id) for row in page), following)

    async def delete(self, schedule_id: ScheduleId, user_id: UserId | None) -> None:
        async with self.database.as_user(user_id) as connection:
            if not await connection.fetchval(SQL["delete"], schedule_id):
                raise NotFound(NOT_THERE)

    async def now(self) -> datetime:
        async with self.database.own_work() as connection:
            now: datetime = await connection.fetchval(SQL["now"])
        return now

    async def due(self, limit: int) -> tuple[datetime, Sequence[Schedule]]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["due"], limit)
            now: datetime = rows[0]["now"] if rows else await connection.fetchval(SQL["now"])
        return now, _readable(rows)

    async def next_due_at(self, after: datetime) -> datetime | None:
        async with self.database.own_work() as connection:
            found: datetime | None = await connection.fetchval(SQL["next_due_at"], after)
        return found

    async def fire(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        row = await self._fires.ask(schedule.id, _columns(schedule, next_fire_at, message, terms))
        if row is None:
            return await self._fire_alone(schedule, next_fire_at, message, terms)
        fired = row["fired"]
        return None if fired is None or fired["status"] is None else acceptance(fired)

    async def _fire_all(self, fires: Sequence[Sequence[object]]) -> Mapping[int, Record]:
        columns = [list(values) for values in zip(*fires, strict=True)]
        async with self.database.connection() as connection:
            rows = await connection.fetch(SQL["fire_all"], *columns, self.turns.replica_id, self.turns.resume_window)
        return {row["place"] - 1: row for row in rows}

    async def _fire_alone(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        async with self.database.as_user(schedule.user_id) as connection:
            moved = await connection.fetchrow(
                SQL["fire"], schedule.id, schedule.next_fire_at, next_fire_at, schedule.revision
            )
            return None if moved is None else await self._accept(connection, moved, message, terms)

    async def run_now(self, schedule: Schedule, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        async with self.database.as_user(schedule.user_id) as connection:
            row = await connection.fetchrow(SQL["run_now"], schedule.id)
            if row is None:
                raise NotFound(NOT_THERE)
            return await self._accept(connection, row, message, terms)

    async def _accept(
        self, connection: PooledConnection, row: Record, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance:
        """The reply goes where the schedule says now, as far as these addresses are still its user's."""
        left = await connection.fetch(SQL["places_left"], message.user_id, row["deliver_to"])
        places = tuple(Address(place["route"]) for place in left)
        return await self.turns.accept_on(connection, replace(message, deliver_to=places), terms)


def _columns(
    schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
) -> Sequence[object]:
    """The values of one fire, in the order of the function's first parameters."""
    return (
        schedule.id,
        schedule.user_id,
        schedule.next_fire_at,
        next_fire_at,
        schedule.revision,
        message.agent,
        message.text,
        message.key,
        message.route,
        message.title,
        terms.strategy,
        terms.collect,
        terms.timeout,
        terms.history,
        terms.max_waiting,
        new_turn_id(),
    )


def _readable(rows: Sequence[Record]) -> list[Schedule]:
    """The schedules among these that can be read; one that cannot does not block the others."""
    schedules = []
    for row in rows:
        try:
            schedules.append(_to_schedule(row))
        except InvalidInput as error:
            log.warning("schedule_unreadable", schedule=str(row["schedule_id"]), reason=str(error))
    return schedules


def _found(row: Record | None) -> Schedule:
    if row is None:
        raise NotFound(NOT_THERE)
    return _to_schedule(row)


def _to_schedule(row: Record) -> Schedule:
    return Schedule(
        id=row["schedule_id"],
        user_id=UserId(row["user_id"]),
        name=row["name"],
        agent_name=AgentName(row["agent_name"]),
        prompt=row["prompt"],
        trigger=_to_trigger(row["trigger"]),
        timezone=row["timezone"],
        deliver_to=tuple(Address(address) for address in row["deliver_to"]),
        is_active=row["is_active"],
        next_fire_at=row["next_fire_at"],
        last_fire_at=row["last_fire_at"],
        created_at=row["created_at"],
        revision=row["revision"],
    )


def _to_run(row: Record, schedule_id: ScheduleId) -> ScheduleRun:
    return ScheduleRun(
        session_id=SessionId(row["session_id"]),
        fire_time=_fire_time(row["client_id"], schedule_id),
        fired_at=row["fired_at"],
        turn_id=row["turn_id"],
        status=row["status"],
        attempts=row["attempt"] or 0,
        error=row["error"],
        error_class=error_class_of(row),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def _fire_time(key: str | None, schedule_id: ScheduleId) -> datetime | None:
    """A fire's message has its time in its key (`scheduler/normalize.py`); a requested run has none."""
    with suppress(ValueError):
        return datetime.fromisoformat((key or "").removeprefix(f"schedule:{schedule_id}:"))
    return None


def _trigger_json(trigger: Trigger) -> JsonObject:
    match trigger:
        case CronTrigger(expression):
            return {"type": "cron", "expression": expression}
        case IntervalTrigger(seconds):
            return {"type": "interval", "seconds": seconds}
        case OnceTrigger(at):
            return {"type": "once", "at": at.isoformat()}
        case _:
            assert_never(trigger)


def _to_trigger(kept: dict[str, str | int]) -> Trigger:
    match kept:
        case {"type": "cron", "expression": str(expression)}:
            return CronTrigger(expression)
        case {"type": "interval", "seconds": int(seconds)}:
            return IntervalTrigger(seconds)
        case {"type": "once", "at": str(at)}:
            return OnceTrigger(datetime.fromisoformat(at))
        case _:
            raise InvalidInput(f"This schedule has an unknown trigger: {kept}.")
