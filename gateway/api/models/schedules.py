"""Schedules and their runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from gateway.api.models.common import Answer, Id, Instant
from gateway.core.model import TurnStatus
from gateway.core.ports import schedules
from gateway.errors import ErrorClass


class CronTrigger(Answer):
    """A crontab expression."""

    type: Literal["cron"]
    expression: str


class IntervalTrigger(Answer):
    """A fixed interval."""

    type: Literal["interval"]
    seconds: int


class OnceTrigger(Answer):
    """A single point in time."""

    type: Literal["once"]
    at: Instant


Trigger = Annotated[CronTrigger | IntervalTrigger | OnceTrigger, Field(discriminator="type")]


def shown_trigger(trigger: object) -> object:
    """Returns a trigger of the core as it was specified."""
    match trigger:
        case schedules.CronTrigger(expression):
            return CronTrigger(type="cron", expression=expression)
        case schedules.IntervalTrigger(seconds):
            return IntervalTrigger(type="interval", seconds=seconds)
        case schedules.OnceTrigger(at):
            return OnceTrigger(type="once", at=at)
        case _:
            return trigger


class Schedule(Answer):
    """A prompt that runs by itself."""

    id: Id
    user_id: str
    name: str
    agent_name: str
    prompt: str
    trigger: Annotated[Trigger, BeforeValidator(shown_trigger)]
    timezone: str
    deliver_to: tuple[str, ...]
    is_active: bool
    next_fire_at: Instant | None
    last_fire_at: Instant | None
    created_at: Instant


class Schedules(Answer):
    """A user's schedules."""

    schedules: tuple[Schedule, ...]


class RunBegun(Answer):
    """A run that was started."""

    session_id: str | None
    turn_id: Id | None


class ScheduleRun(Answer):
    """One run of a schedule."""

    session_id: str | None
    turn_id: Id | None
    status: TurnStatus | None
    attempts: int
    fire_time: Instant | None
    fired_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    error: str | None = Field(description="Detailed for operators; for others, the same as `error_class`.")
    error_class: ErrorClass | None

    @classmethod
    def from_run(cls, run: schedules.ScheduleRun, *, show_error: bool) -> Self:
        """`show_error`: includes the error in detail, which may reveal what users should not know."""
        shown = cls.of(run)
        return shown if show_error else shown.model_copy(update={"error": run.error_class})


class ScheduleRuns(Answer):
    """A page of a schedule's runs, newest first."""

    runs: tuple[ScheduleRun, ...]
    next_cursor: str | None
