"""What answers about turns and schedules look like, for `/openapi.json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.description.schemas import Answer, Channel, Id, Instant
from gateway.core.model import TurnStatus
from gateway.errors import ErrorClass


class Usage(Answer):
    """What a turn has cost."""

    input_tokens: int | None
    output_tokens: int | None
    model: str | None
    cost: float | None = Field(description="US dollars; null where the price is not known.")


class UsageTotal(Answer):
    """What all turns of a session have cost."""

    input_tokens: int
    output_tokens: int
    turns: int = Field(description="How many turns have reported their usage.")
    cost: float | None = Field(description="US dollars, of the turns whose price is known.")


class Turn(Answer):
    """One answer: who gave it, how it went, what it took."""

    id: Id
    session_id: str
    status: TurnStatus
    agent_name: str
    channel: Channel
    attempts: int
    usage: Usage | None
    error: str | None = Field(description="For operators in detail; for others the same as `error_class`.")
    error_class: ErrorClass | None = Field(description="Why the turn failed, as far as its user may know.")
    withdrawn: bool = Field(description="Taken back: its messages are hidden.")
    message_ids: list[str]
    reply_id: str | None
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    duration_s: float | None


class Turns(Answer):
    """A page of a session's turns, newest first."""

    turns: list[Turn]
    next_before: str | None = Field(description="Leads on, as `before`; null on the last page.")
    usage: UsageTotal | None = Field(description="Of the whole session; null on pages behind `before`.")


class TurnCancelled(Answer):
    """The turn that was asked to stop."""

    turn_id: Id


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


class Schedule(Answer):
    """A prompt that runs by itself."""

    id: Id
    user_id: str
    name: str
    agent_name: str
    prompt: str
    trigger: Annotated[CronTrigger | IntervalTrigger | OnceTrigger, Field(discriminator="type")]
    timezone: str
    deliver_to: list[str]
    is_active: bool
    next_fire_at: Instant | None
    last_fire_at: Instant | None
    created_at: Instant


class Schedules(Answer):
    """A user's schedules."""

    schedules: list[Schedule]


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
    error: str | None = Field(description="For operators in detail; for others the same as `error_class`.")
    error_class: ErrorClass | None


class ScheduleRuns(Answer):
    """A page of what a schedule has done, newest first."""

    runs: list[ScheduleRun]
    next_cursor: str | None
