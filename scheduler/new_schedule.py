"""Validates new schedules; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.core.model import Address, AgentName, UserId
from gateway.core.ports.schedules import NewSchedule, Trigger
from gateway.core.scheduling import check_zone
from gateway.errors import InvalidInput, TooLarge
from scheduler.triggers import first_fire

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class WantedSchedule:
    """A schedule as requested."""

    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str = "UTC"
    deliver_to: tuple[Address, ...] = ()
    is_active: bool = True


def validate_new(wanted: WantedSchedule, now: datetime, max_text: int) -> NewSchedule:
    """Returns the schedule to store, with its first fire time. `max_text`: characters of a prompt.

    Raises an `InvalidInput` that names the field and what it should be. The caller checks that the agent exists.
    """
    check_zone(wanted.timezone)
    return NewSchedule(
        user_id=wanted.user_id,
        name=_checked_text("name", wanted.name.strip(), LONGEST_NAME),
        agent_name=wanted.agent_name,
        prompt=_checked_text("prompt", wanted.prompt, max_text),
        trigger=wanted.trigger,
        timezone=wanted.timezone,
        deliver_to=wanted.deliver_to,
        is_active=wanted.is_active,
        next_fire_at=first_fire(wanted.trigger, wanted.timezone, now),
    )


def _checked_text(field: str, text: str, longest: int) -> str:
    if not text.strip():
        raise InvalidInput(f"The schedule's {field} is empty; it should have 1 to {longest} characters.")
    if len(text) > longest:
        raise TooLarge(f"The schedule's {field} has {len(text)} characters; it should have at most {longest}.")
    if "\0" in text:
        raise InvalidInput(f"The schedule's {field} contains a NUL character, which cannot be stored.")
    return text
