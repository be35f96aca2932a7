"""Catches up on due schedules: fires once for the latest missed fire time, and skips the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, Schedule
from scheduler.triggers import next_fire

FIRST_LOOK_BACK = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Fire:
    """A fire to make now: the fire time it stands for, and the next fire time."""

    at: datetime
    next_fire_at: datetime | None


def plan(schedule: Schedule, now: datetime) -> Fire | None:
    """Returns the fire that is due; None if none is. Raises `InvalidInput` for a schedule that cannot be parsed (any more)."""
    due = schedule.next_fire_at
    if due is None or due > now:
        return None
    at = _latest(schedule, due, now)
    return Fire(at=at, next_fire_at=next_fire(schedule.trigger, schedule.timezone, at))


def _latest(schedule: Schedule, due: datetime, now: datetime) -> datetime:
    match schedule.trigger:
        case IntervalTrigger(seconds=seconds) if seconds > 0:
            period = timedelta(seconds=seconds)
            return due + period * ((now - due) // period)
        case CronTrigger():
            return _latest_cron(schedule, due, now)
        case _:
            return due


def _latest_cron(schedule: Schedule, due: datetime, now: datetime) -> datetime:
    """Looks back over ever longer spans, so that a year of missed minutes costs no more than a day of them."""
    span = FIRST_LOOK_BACK
    while now - span > due:
        found = next_fire(schedule.trigger, schedule.timezone, now - span)
        if found is not None and found <= now:
            return _last_until(schedule, found, now)
        span *= 2
    return _last_until(schedule, due, now)


def _last_until(schedule: Schedule, fire: datetime, now: datetime) -> datetime:
    while (following := next_fire(schedule.trigger, schedule.timezone, fire)) is not None and following <= now:
        fire = following
    return fire
