"""When triggers fire, above all around clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Trigger
from gateway.errors import InvalidInput
from scheduler.crontab import Crontab, parse_crontab
from scheduler.triggers import first_fire, next_fire
from tests.unit.scheduler.schedules import BERLIN, fires, utc

AUTUMN = "2026-10-23 12:00"
SPRING = "2026-03-27 12:00"


def test_daily_fires_once_when_its_hour_comes_twice() -> None:
    """Row 39: 02:30 on the night clocks are put back: the first time only."""
    assert fires("30 2 * * *", AUTUMN, 4) == ["10-24 00:30", "10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_daily_fires_when_its_hour_is_skipped() -> None:
    """Row 39: 02:30 on the night clocks are put forward: an hour later by the clock, a day after the previous fire."""
    assert fires("30 2 * * *", SPRING, 4) == ["03-28 01:30", "03-29 01:30", "03-30 00:30", "03-31 00:30"]


def test_hourly_fires_each_hour_in_autumn() -> None:
    """Row 39: every elapsed hour counts, whatever clocks show."""
    assert fires("0 * * * *", "2026-10-24 22:30", 4) == ["10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00"]


def test_hourly_fires_each_hour_in_spring() -> None:
    """Row 39: and no extra fire for the hour that clocks skip."""
    assert fires("0 * * * *", "2026-03-28 22:30", 4) == ["03-28 23:00", "03-29 00:00", "03-29 01:00", "03-29 02:00"]


def test_skipped_times_keep_their_order() -> None:
    """A skipped 02:15 and the real 03:15 are one moment, and fire once."""
    assert fires("15,30 2,3 * * *", "2026-03-28 12:00", 4) == [
        "03-29 01:15",
        "03-29 01:30",
        "03-30 00:15",
        "03-30 00:30",
    ]


def test_a_day_of_the_month_or_a_weekday_fires() -> None:
    """The 13th and each Friday, as in cron."""
    assert fires("0 12 13 * fri", "2026-06-08 00:00", 4, "UTC") == [
        "06-12 12:00",
        "06-13 12:00",
        "06-19 12:00",
        "06-26 12:00",
    ]


def test_an_impossible_day_leaves_the_weekday() -> None:
    """30 February or Monday: the Mondays of February."""
    assert fires("0 0 30 2 mon", "2026-01-01 00:00", 2, "UTC") == ["02-02 00:00", "02-09 00:00"]


def test_leap_days() -> None:
    """29 February, in leap years."""
    assert next_fire(CronTrigger("0 0 29 2 *"), "UTC", utc("2026-01-01")) == utc("2028-02-29")


def test_a_day_that_a_zone_skipped() -> None:
    """Samoa had no 30 December 2011; a daily rule continues after it."""
    assert fires("0 12 * * *", "2011-12-29 00:00", 3, "Pacific/Apia") == ["12-29 22:00", "12-30 22:00", "12-31 22:00"]


def test_an_interval_fires_one_interval_from_now() -> None:
    """Not at once."""
    assert next_fire(IntervalTrigger(90), BERLIN, utc("2026-01-01")) == utc("2026-01-01 00:01:30")


def test_once_fires_at_its_time_and_never_again() -> None:
    """At that time, and not after."""
    once = OnceTrigger(utc("2026-01-02"))
    assert next_fire(once, BERLIN, utc("2026-01-01")) == utc("2026-01-02")
    assert next_fire(once, BERLIN, utc("2026-01-02")) is None


def test_a_time_without_offset_is_of_the_schedules_zone() -> None:
    """09:00 in Berlin's winter is 08:00 in UTC."""
    assert next_fire(OnceTrigger(datetime(2026, 1, 2, 9)), BERLIN, utc("2026-01-01")) == utc("2026-01-02 08:00")  # noqa: DTZ001


@pytest.mark.parametrize(
    ("trigger", "zone", "said"),
    [
        (CronTrigger("0 0 30 2 *"), BERLIN, "never fires"),
        (CronTrigger("0 0 31 4,6 *"), BERLIN, "never fires"),
        (CronTrigger("0 0 * * *"), "Mars/Olympus", "Europe/Berlin"),
        (CronTrigger("0 0 * * *"), "../etc/passwd", "Europe/Berlin"),
        (CronTrigger("0 0 * * *"), "", "Europe/Berlin"),
        (CronTrigger("0 0 * * *"), "Europe", "Europe/Berlin"),
        (CronTrigger("0 0 * * *"), "a\0b", "Europe/Berlin"),
        (CronTrigger("0 0 * * *"), "x" * 5000, "Europe/Berlin"),
        (IntervalTrigger(0), BERLIN, "1 to"),
        (IntervalTrigger(-5), BERLIN, "1 to"),
        (IntervalTrigger(10**12), BERLIN, "1 to"),
        (OnceTrigger(utc("2020-01-01")), BERLIN, "future"),
        (OnceTrigger(datetime.fromisoformat("9999-12-31T23:59:59-12:00")), BERLIN, "9999"),
    ],
)
def test_refuses_what_can_never_fire(trigger: Trigger, zone: str, said: str) -> None:
    """The error says what would be valid."""
    with pytest.raises(InvalidInput) as caught:
        first_fire(trigger, zone, utc("2026-01-01"))
    assert said in str(caught.value)


ZONES = [
    (BERLIN, 2026),
    ("America/New_York", 2026),
    ("America/Havana", 2026),  # at midnight
    ("Africa/Cairo", 2026),  # on Fridays, at midnight
    ("Australia/Lord_Howe", 2026),  # by half an hour
    ("America/Asuncion", 2023),
    ("Asia/Kathmandu", 2026),  # never
]


def all_fires(expression: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """Every fire in between."""
    found: list[datetime] = []
    moment = next_fire(CronTrigger(expression), zone, begin)
    while moment is not None and moment < end:
        found.append(moment)
        moment = next_fire(CronTrigger(expression), zone, moment)
    return found


@pytest.mark.parametrize("at", ["0 0", "30 0", "30 1", "0 2", "30 2", "0 3"])
@pytest.mark.parametrize(("zone", "year"), ZONES)
def test_daily_fires_once_each_day_of_a_year(zone: str, year: int, at: str) -> None:
    """Row 39: no day of a year is left out, and none has two fires, wherever clocks change that day."""
    begin, end = (datetime(y, 1, 1, 12, tzinfo=ZoneInfo(zone)) for y in (year, year + 1))
    moments = all_fires(f"{at} * * *", zone, begin, end)
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in moments]
    assert days == [begin.date() + timedelta(days=number) for number in range(1, (end.date() - begin.date()).days + 1)]


@pytest.mark.parametrize(("zone", "year"), [ZONES[number] for number in (0, 1, 2, 3, 5)])
def test_a_rule_for_each_hour_fires_in_each_hour_of_utc(zone: str, year: int) -> None:
    """Row 39: an hour is an hour on days of clock changes, too (if they change by whole hours)."""
    days = change_days(zone, year)
    assert len(days) == 2
    for day in days:
        moments = all_fires("15 * * * *", zone, day, day + timedelta(days=2))
        assert moments == [day + timedelta(hours=hour, minutes=15) for hour in range(48)]


def change_days(zone: str, year: int) -> list[datetime]:
    """Midnights in UTC that are followed by a clock change within a day."""
    nights = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(365)]
    place = ZoneInfo(zone)
    return [
        night
        for night in nights
        if night.astimezone(place).utcoffset() != (night + timedelta(days=1)).astimezone(place).utcoffset()
    ]


FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/15", "7,52", "*"]),
    st.sampled_from(["*", "2", "0-23", "1-3", "*/2", "23,0"]),
    st.sampled_from(["*", "29", "25-31", "*/2"]),
    st.sampled_from(["*", "3,4", "oct-nov"]),
    st.sampled_from(["*", "0", "7", "sat-sun", "1-5"]),
)
NIGHTS = st.sampled_from(
    [
        (BERLIN, "2026-03-28 20:00"),
        (BERLIN, "2026-10-24 20:00"),
        ("America/Havana", "2026-03-08 00:00"),
        ("America/Havana", "2026-11-01 00:00"),
        ("Australia/Lord_Howe", "2026-04-04 12:00"),
        ("Australia/Lord_Howe", "2026-10-03 12:00"),
        ("UTC", "2026-02-28 12:00"),
    ]
)


def matches(rule: Crontab, wall: datetime) -> bool:
    """Whether a wall-clock time matches, by a plain implementation of crontab(5)."""
    if wall.minute not in rule.minutes or wall.hour not in rule.hours or wall.month not in rule.months:
        return False
    day, weekday = wall.day in rule.days, wall.isoweekday() % 7 in rule.weekdays
    return (day or weekday) if rule.either_day else (day and weekday)


def scanned(rule: Crontab, zone: ZoneInfo, start: datetime, minutes: int) -> list[datetime]:
    """Every fire in a span, minute by minute: what clocks show and, for wall-clock rules, what they skip."""
    found: list[datetime] = []
    for moment in (start + timedelta(minutes=minute) for minute in range(minutes)):
        shown = moment.astimezone(zone)
        before = (moment - timedelta(hours=3)).astimezone(zone).utcoffset() or timedelta(0)
        unmoved = (moment + before).replace(tzinfo=None)
        skipped = unmoved.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != unmoved
        by_clock = (shown.fold == 0 and matches(rule, shown)) or (skipped and matches(rule, unmoved))
        if matches(rule, shown) if rule.every_hour else by_clock:
            found.append(moment)
    return found


@settings(max_examples=8, deadline=None)
@given(FIELDS, NIGHTS, st.integers(0, 420))
def test_agrees_with_looking_at_the_clock_each_minute(
    fields: tuple[str, ...], night: tuple[str, str], shift: int
) -> None:
    """Over the nights of clock changes, next_fire finds exactly what a scan of every minute finds."""
    zone, begin = night
    start, span = utc(begin) + timedelta(minutes=shift), 6 * 60
    trigger = CronTrigger(" ".join(fields))
    found: list[datetime] = []
    moment = next_fire(trigger, zone, start)
    while moment is not None and moment <= start + timedelta(minutes=span):
        found.append(moment)
        moment = next_fire(trigger, zone, moment)
    assert found == scanned(parse_crontab(trigger.expression), ZoneInfo(zone), start + timedelta(minutes=1), span)
