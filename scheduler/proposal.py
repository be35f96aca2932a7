"""What a schedule must be like to be taken in; pure."""

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
class Proposal:
    """A schedule as somebody wants it."""

    user_id: UserId
    name: str
    agent_name: AgentName
    prompt: str
    trigger: Trigger
    timezone: str = "UTC"
    deliver_to: tuple[Address, ...] = ()
    is_active: bool = True


def validate_new(proposal: Proposal, now: datetime, max_text: int) -> NewSchedule:
    """The schedule to store, with its first fire time. `max_text`: characters of a prompt.

    Raises `InvalidInput` that names the field and what it should be. Whether the agent exists is the caller's to know.
    """
    check_zone(proposal.timezone)
    return NewSchedule(
        user_id=proposal.user_id,
        name=_checked_text("name", proposal.name.strip(), LONGEST_NAME),
        agent_name=proposal.agent_name,
        prompt=_checked_text("prompt", proposal.prompt, max_text),
        trigger=proposal.trigger,
        timezone=proposal.timezone,
        deliver_to=proposal.deliver_to,
        is_active=proposal.is_active,
        next_fire_at=first_fire(proposal.trigger, proposal.timezone, now),
    )


def _checked_text(field: str, text: str, longest: int) -> str:
    if not text.strip():
        raise InvalidInput(f"The schedule's {field} is empty; it should have 1 to {longest} characters.")
    if len(text) > longest:
        raise TooLarge(f"The schedule's {field} has {len(text)} characters; it should have at most {longest}.")
    if "\0" in text:
        raise InvalidInput(f"The schedule's {field} contains a NUL character, which cannot be stored.")
    return text
