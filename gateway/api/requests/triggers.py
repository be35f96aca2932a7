"""Triggers and time zones as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, assert_never
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from gateway.api.requests.reading import Body, Whole
from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Trigger
from gateway.core.scheduling import check_zone
from gateway.errors import InvalidInput

LONGEST_INTERVAL = 366 * 86_400
"""Seconds."""


class Cron(Body):
    """A crontab expression: minute, hour, day of month, month, day of week."""

    type: Literal["cron"]
    expression: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Interval(Body):
    """A fixed interval; the first fire is one interval from now."""

    type: Literal["interval"]
    seconds: Whole = Field(ge=1, le=LONGEST_INTERVAL)


class Once(Body):
    """A single point in time (RFC 3339); without an offset, in the schedule's time zone."""

    type: Literal["once"]
    at: str = Field(max_length=64)


GivenTrigger = Annotated[Cron | Interval | Once, Field(discriminator="type")]
Zone = Annotated[str, Field(max_length=64, description="A name such as Europe/Berlin.")]


def zone(name: str) -> ZoneInfo:
    """Returns a time zone by its IANA name. Raises `InvalidInput`."""
    check_zone(name)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # an odd path, a folder of the database, an unknown name
        raise InvalidInput(f"timezone is {name!r}; it should be a name such as Europe/Berlin or UTC.") from None


def trigger_of(draft: Cron | Interval | Once, timezone: ZoneInfo) -> Trigger:
    """Returns the trigger. Raises `InvalidInput` for an invalid time."""
    match draft:
        case Cron():
            return CronTrigger(draft.expression)
        case Interval():
            return IntervalTrigger(draft.seconds)
        case Once():
            return OnceTrigger(moment(draft.at, timezone))
        case _:
            assert_never(draft)


def moment(text: str, timezone: ZoneInfo) -> datetime:
    """Returns a time in UTC; without an offset it is in `timezone`. Raises `InvalidInput`."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"trigger.at is {text!r}; it should be a time such as 2030-01-31T08:00:00Z.") from None
