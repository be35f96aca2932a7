"""Schedules and what they have done."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from gateway.api.models.common import Answer, Id, Instant
from gateway.core.model import TurnStatus
from gateway.core.ports import schedules
from gateway.errors import ErrorClass


class CronTrigger(Answer):
    """As in crontab."""

    type: Literal["cron"]
    expression: str


class IntervalTrigger(Answer):
    """Every so many seconds."""

    type: Literal["interval"]
    seconds: int


class OnceTrigger(Answer):
    """At one time."""

    type: Literal["once"]
    at: Instant


Trigger = Annotated[CronTrigger | IntervalTrigger | OnceTrigger, Field(discriminator="type")]


def shown_trigger(trigger: object) -> object:
    """A trigger of the core as it was given."""
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
    """A run that has begun."""

    session_id: str | None
    turn_id: Id | None


class ScheduleRun(Answer):
    """What became of one fire."""

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
    """A page of what a schedule has done, newest first."""

    runs: tuple[ScheduleRun, ...]
    next_cursor: str | None
