"""After a downtime: one fire, for the latest missed time."""

from __future__ import annotations

import time

import pytest

from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Trigger
from gateway.errors import InvalidInput
from scheduler.catchup import Fire, plan
from tests.unit.scheduler.schedules import schedule, utc

DUE = utc("2026-01-01 09:00")


@pytest.mark.parametrize(
    ("trigger", "now", "fire"),
    [
        (CronTrigger("0 10 * * *"), "2026-01-01 09:00:01", Fire(DUE, utc("2026-01-02 09:00"))),
        (CronTrigger("0 10 * * *"), "2026-01-05 12:00", Fire(utc("2026-01-05 09:00"), utc("2026-01-06 09:00"))),
        (CronTrigger("* * * * *"), "2026-01-01 09:05:30", Fire(utc("2026-01-01 09:05"), utc("2026-01-01 09:06"))),
        (CronTrigger("0 0 29 2 *"), "2026-01-01 09:05", Fire(DUE, utc("2028-02-28 23:00"))),
        (IntervalTrigger(60), "2026-01-01 09:00:00", Fire(DUE, utc("2026-01-01 09:01"))),
        (IntervalTrigger(60), "2026-01-01 09:10:59", Fire(utc("2026-01-01 09:10"), utc("2026-01-01 09:11"))),
        (OnceTrigger(DUE), "2026-03-01 00:00", Fire(DUE, None)),
    ],
)
def test_fires_for_the_latest_missed_time(trigger: Trigger, now: str, fire: Fire) -> None:
    """Row 40: the times before it are skipped, and the next one keeps its place."""
    assert plan(schedule(trigger, DUE), utc(now)) == fire


@pytest.mark.parametrize("due", [utc("2026-01-01 09:01"), None])
def test_nothing_is_due(due: object) -> None:
    """Before its time, or without one, no fire is planned."""
    assert plan(schedule(OnceTrigger(DUE), utc("2026-01-01 09:01") if due else None), DUE) is None


def test_a_year_of_missed_minutes_is_planned_at_once() -> None:
    """The time this takes does not grow with the number of missed fires."""
    begun = time.thread_time()
    assert plan(schedule(CronTrigger("* * * * *"), DUE), utc("2027-01-01 09:00")) is not None
    assert time.thread_time() - begun < 1


def test_a_schedule_that_cannot_be_read() -> None:
    """A zone that no longer exists is reported."""
    with pytest.raises(InvalidInput, match="Nowhere"):
        plan(schedule(CronTrigger("0 0 * * *"), DUE, "Nowhere/Land"), utc("2026-02-01"))
