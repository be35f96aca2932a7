"""Builds schedules for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from gateway.core.model import Address, AgentName, UserId
from gateway.core.ports.schedules import CronTrigger, Schedule, Trigger
from scheduler.triggers import next_fire

BERLIN = "Europe/Berlin"
ID = UUID(int=5)


def utc(text: str) -> datetime:
    """A moment, as `2026-03-29 01:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(expression: str, after: str, many: int, zone: str = BERLIN) -> list[str]:
    """The next fires of a cron expression, in UTC, as `03-29 01:30`."""
    found: list[str] = []
    moment = utc(after)
    while len(found) < many:
        following = next_fire(CronTrigger(expression), zone, moment)
        assert following is not None
        moment = following
        found.append(moment.strftime("%m-%d %H:%M"))
    return found


def schedule(trigger: Trigger, due: datetime | None, zone: str = BERLIN) -> Schedule:
    """A schedule that fires at `due`."""
    return Schedule(
        id=ID,
        user_id=UserId("ann"),
        name="Morning news",
        agent_name=AgentName("assistant"),
        prompt="What is new?",
        trigger=trigger,
        timezone=zone,
        deliver_to=(Address("telegram:1:2:0"),),
        is_active=True,
        next_fire_at=due,
        last_fire_at=None,
        created_at=utc("2026-01-01"),
    )
