"""Schedules and their firing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.core.model import Address, AgentName, InboundMessage, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance
from gateway.errors import ErrorClass

ScheduleId = UUID
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """Five-field crontab expression, 0 or 7 = Sunday, day of month OR day of week as cron does."""

    expression: str


@dataclass(frozen=True, slots=True)
class IntervalTrigger:
    """Every `seconds`, first one interval after it was set."""

    seconds: int


@dataclass(frozen=True, slots=True)
class OnceTrigger:
    """Once, at that time."""

    at: datetime


Trigger = CronTrigger | IntervalTrigger | OnceTrigger


@dataclass(frozen=True, slots=True)
class Schedule:
    """A prompt that runs by itself. `next_fire_at` None: it will not fire again. `revision` grows with each change."""

    id: ScheduleId
    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str
    deliver_to: tuple[Address, ...]
    is_active: bool
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    created_at: datetime
    revision: int = 0


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule to be made; `next_fire_at` computed by the scheduler's pure part."""

    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str
    deliver_to: tuple[Address, ...]
    is_active: bool
    next_fire_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleRun:
    """A fired schedule's session, from fire to reply. `fire_time`: the one it stands for; None: somebody asked for the run.

    Without a `turn_id` the message it began with is gone.
    """

    session_id: SessionId
    fire_time: datetime | None
    fired_at: datetime
    turn_id: TurnId | None
    status: TurnStatus | None
    attempts: int
    error: str | None
    error_class: ErrorClass | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Newest first. `next_cursor` is None on the last page."""

    runs: tuple[ScheduleRun, ...]
    next_cursor: str | None


class ScheduleStore(Protocol):
    """Schedules and their firing. `user_id` None acts for an operator."""

    async def create(self, new: NewSchedule, *, most: int | None = None) -> Schedule:
        """Raises `Conflict` when the user has `most` schedules already."""
        ...

    async def list(self, user_id: UserId | None, limit: int = MOST_LISTED) -> Sequence[Schedule]:
        """The oldest first."""
        ...

    async def get(self, schedule_id: ScheduleId, user_id: UserId | None) -> Schedule:
        """Raises `NotFound`."""
        ...

    async def now(self) -> datetime:
        """The database's clock, by which schedules fire."""
        ...

    async def due(self, limit: int) -> tuple[datetime, Sequence[Schedule]]:
        """The database's now, and active schedules with `next_fire_at` at or before it, of all users."""
        ...

    async def fire(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        """Moves `next_fire_at` on from the value in `schedule` and accepts the message, in one transaction.

        None: another replica did it already, or the schedule changed meanwhile. The reply goes to those of its places that
        are still the user's.
        """
        ...

    async def run_now(self, schedule: Schedule, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """Accepts the message of a run outside its times; `next_fire_at` stays. The reply goes where that of a fire would."""
        ...

    async def change(self, before: Schedule, after: Schedule) -> Schedule | None:
        """Makes a schedule what `after` says; None: it fired or was changed since `before` was read, or is gone."""
        ...

    async def runs(self, schedule_id: ScheduleId, user_id: UserId | None, limit: int, cursor: str | None) -> RunPage:
        """A page of its runs. Raises `NotFound`, and `InvalidInput` for a cursor that is not one of ours."""
        ...

    async def delete(self, schedule_id: ScheduleId, user_id: UserId | None) -> None:
        """Raises `NotFound`. The sessions of its runs stay."""
        ...

    async def next_due_at(self, after: datetime) -> datetime | None:
        """When the next active schedule of anybody fires, of those due after that moment. Raises `StoreUnavailable`."""
        ...
