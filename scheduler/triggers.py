"""When a trigger fires; pure. APScheduler computes wall-clock times, `walltime` finds the moments they mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger as ApsCronTrigger

from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Trigger
from gateway.errors import InvalidInput
from scheduler.crontab import WEEKDAYS, Crontab, parse_crontab
from scheduler.walltime import leap_near, moments_of, wall_of, zone_of

SHORTEST_INTERVAL_S = 1
LONGEST_INTERVAL_S = 10 * 366 * 24 * 3600


def next_fire(trigger: Trigger, timezone: str, after: datetime) -> datetime | None:
    """Returns the first fire later than `after`, in UTC; None if there is none.

    Raises `InvalidInput` for a zone or an expression that cannot be parsed.
    """
    zone = zone_of(timezone)
    match trigger:
        case CronTrigger():
            return _next_cron(parse_crontab(trigger.expression), zone, after.astimezone(UTC))
        case IntervalTrigger():
            return after.astimezone(UTC) + timedelta(seconds=_checked_interval(trigger))
        case OnceTrigger():
            at = moment_of(trigger, zone)
            return at if at > after else None


def first_fire(trigger: Trigger, timezone: str, now: datetime) -> datetime:
    """Returns the first fire of a new schedule. Raises `InvalidInput`, also for a trigger that never fires."""
    found = next_fire(trigger, timezone, now)
    if found is not None:
        return found
    if isinstance(trigger, OnceTrigger):
        raise InvalidInput(
            f"The schedule would never fire: {trigger.at.isoformat()} has passed. Choose a time in the future."
        )
    raise InvalidInput(
        "The schedule never fires: its cron expression names a day that does not exist, such as 30 February."
    )


def moment_of(trigger: OnceTrigger, zone: ZoneInfo) -> datetime:
    """Returns when a one-time trigger fires, in UTC; a time without an offset is in the schedule's zone.

    Raises `InvalidInput` for a time beyond the calendar.
    """
    try:
        if trigger.at.tzinfo is not None:
            return trigger.at.astimezone(UTC)
        return moments_of(trigger.at, zone, every_pass=False)[0]
    except OverflowError:
        raise InvalidInput(f"The year of {trigger.at.isoformat()} is out of range; it should be before 9999.") from None


def _checked_interval(trigger: IntervalTrigger) -> int:
    if not SHORTEST_INTERVAL_S <= trigger.seconds <= LONGEST_INTERVAL_S:
        raise InvalidInput(
            f"An interval of {trigger.seconds} s is not possible; it should be {SHORTEST_INTERVAL_S} to {LONGEST_INTERVAL_S} seconds."
        )
    return trigger.seconds


def _next_cron(rule: Crontab, zone: ZoneInfo, after: datetime) -> datetime | None:
    best: datetime | None = None
    for wall in _walls(rule, wall_of(after, zone) - leap_near(after, zone)):
        # Only near a clock change can a later wall-clock time be an earlier moment.
        if best is not None and wall > wall_of(best, zone) + leap_near(best, zone):
            break
        later = [moment for moment in moments_of(wall, zone, every_pass=rule.every_hour) if moment > after]
        best = min([*later, *([best] if best else [])], default=None)
        if best is not None and not leap_near(best, zone):
            break
    return best


def _walls(rule: Crontab, start: datetime) -> Iterator[datetime]:
    """Yields matching wall-clock times from `start` on, ascending, as if clocks were never changed."""
    triggers = _aps_triggers(rule)
    cursor = start.replace(tzinfo=UTC)
    while True:
        found = [wall for trigger in triggers if (wall := _aps_next(trigger, cursor)) is not None]
        if not found:
            return
        cursor = min(found)
        yield cursor.replace(tzinfo=None)
        cursor += timedelta(seconds=1)


def _aps_next(trigger: ApsCronTrigger, start: datetime) -> datetime | None:
    found: datetime | None = trigger.get_next_fire_time(None, start)
    return found


@lru_cache(maxsize=256)
def _aps_triggers(rule: Crontab) -> tuple[ApsCronTrigger, ...]:
    # APScheduler counts weekdays from Monday and wants both kinds of day to match (apscheduler#286): names and two rules.
    if not rule.either_day:
        return (_aps_trigger(rule, _numbers(rule.days), _names(rule.weekdays)),) if rule.days else ()
    by_weekday = _aps_trigger(rule, "*", _names(rule.weekdays))
    return (_aps_trigger(rule, _numbers(rule.days), "*"), by_weekday) if rule.days else (by_weekday,)


def _aps_trigger(rule: Crontab, day: str, day_of_week: str) -> ApsCronTrigger:
    return ApsCronTrigger(
        minute=_numbers(rule.minutes),
        hour=_numbers(rule.hours),
        day=day,
        month=_numbers(rule.months),
        day_of_week=day_of_week,
        timezone=UTC,
    )


def _numbers(values: frozenset[int]) -> str:
    """As ranges: APScheduler goes through all items of a list at each step, and "every minute" would be sixty."""
    runs: list[tuple[int, int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return ",".join(f"{first}-{last}" for first, last in runs)


def _names(weekdays: frozenset[int]) -> str:
    return "*" if len(weekdays) == len(WEEKDAYS) else ",".join(WEEKDAYS[day] for day in sorted(weekdays))
