"""Schedules and their firing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.core.inbound import InboundMessage
from gateway.core.model import Address, AgentName, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance
from gateway.errors import ErrorClass

ScheduleId = UUID
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class CronTrigger:
    """A five-field crontab expression: 0 or 7 is Sunday, and day of month and day of week combine with OR, as in cron."""

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
    """A schedule to create; `next_fire_at` is computed by the scheduler's pure part."""

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
    """The session of a fired schedule, from fire to reply. `fire_time`: the scheduled time; None: the run was requested.

    Without a `turn_id`, the message it started with has been deleted.
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
        """Raises `Conflict` if the user already has `most` schedules."""
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
        """Returns the database's time, and active schedules of all users with `next_fire_at` at or before it."""
        ...

    async def fire(
        self, schedule: Schedule, next_fire_at: datetime | None, message: InboundMessage, terms: TurnTerms
    ) -> Acceptance | None:
        """Advances `next_fire_at` from the value in `schedule` and accepts the message, in one transaction.

        None: another replica did so already, or the schedule has changed in the meantime. The reply goes to those of its addresses that
        are still the user's.
        """
        ...

    async def run_now(self, schedule: Schedule, message: InboundMessage, terms: TurnTerms) -> Acceptance:
        """Accepts the message of a run outside its fire times; `next_fire_at` stays. The reply goes where that of a fire would."""
        ...

    async def change(self, before: Schedule, after: Schedule) -> Schedule | None:
        """Replaces a schedule with `after`; None: it fired or was changed since `before` was read, or no longer exists."""
        ...

    async def runs(self, schedule_id: ScheduleId, user_id: UserId | None, limit: int, cursor: str | None) -> RunPage:
        """Returns a page of its runs. Raises `NotFound`, and `InvalidInput` for an invalid cursor."""
        ...

    async def delete(self, schedule_id: ScheduleId, user_id: UserId | None) -> None:
        """Raises `NotFound`. The sessions of its runs stay."""
        ...

    async def next_due_at(self, after: datetime) -> datetime | None:
        """Returns when the next active schedule of any user fires, of those due after that time. Raises `StoreUnavailable`."""
        ...
