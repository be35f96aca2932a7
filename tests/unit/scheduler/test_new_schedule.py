"""Validation of new schedules, and the messages of their fires."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from gateway.core.inbound import InboundMessage
from gateway.core.model import SCHEDULED, AgentName, UserId
from gateway.core.ports.schedules import CronTrigger, IntervalTrigger
from gateway.errors import InvalidInput
from scheduler.new_schedule import WantedSchedule, validate_new
from scheduler.normalize import message_of_fire, message_of_request
from tests.unit.scheduler.schedules import ID, schedule, utc

NOW = utc("2026-01-01 00:00")
GOOD = WantedSchedule(
    UserId("ann"), " News ", AgentName("assistant"), "What is new?", IntervalTrigger(60), "Europe/Berlin"
)


def test_computes_the_first_fire() -> None:
    """A valid schedule gets its fire time, and its name is stripped."""
    new = validate_new(GOOD, NOW, 100)
    assert (new.name, new.next_fire_at) == ("News", utc("2026-01-01 00:01"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (replace(GOOD, name=" "), "name"),
        (replace(GOOD, name="n" * 201), "200"),
        (replace(GOOD, name="a\0b"), "NUL"),
        (replace(GOOD, prompt=""), "prompt"),
        (replace(GOOD, prompt="p" * 101), "100"),
        (replace(GOOD, prompt="a\0b"), "NUL"),
        (replace(GOOD, timezone="Nowhere"), "time zone"),
        (replace(GOOD, trigger=CronTrigger("0 0 30 2 *")), "never fires"),
    ],
)
def test_refuses(wanted: WantedSchedule, said: str) -> None:
    """Each refusal names what is wrong."""
    with pytest.raises(InvalidInput, match=said):
        validate_new(wanted, NOW, 100)


def test_a_fire_becomes_a_message() -> None:
    """A session of its own with the schedule's name, ended by its turn, with the same key on every replica."""
    due = schedule(IntervalTrigger(60), NOW)
    assert message_of_fire(due, NOW) == InboundMessage(
        user_id=due.user_id,
        channel=SCHEDULED,
        agent=due.agent_name,
        text=due.prompt,
        key=f"schedule:{ID}:2026-01-01T00:00:00+00:00",
        route=message_of_fire(due, NOW).route,
        deliver_to=due.deliver_to,
        always_new=True,
        ends_session=True,
        title="Morning news",
    )
    assert message_of_fire(due, NOW).route == f"scheduled:{ID}"


def test_each_request_is_a_run_of_its_own() -> None:
    """Keys differ, and have a valid length."""
    due = schedule(IntervalTrigger(60), NOW)
    first, second = (message_of_request(due, UUID(int=number)) for number in (1, 2))
    assert first.key != second.key
    assert len(first.key) <= 128
