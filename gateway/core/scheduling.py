"""Applies a change to a schedule; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.model import Address, AgentName
from gateway.core.ports.schedules import Schedule, Trigger
from gateway.errors import InvalidInput

OF_THIS_MACHINE = frozenset({"localtime", "posixrules"})
FOLDERS_OF_THIS_MACHINE = ("posix/", "right/")
"""Folders of zone files that some systems have beside the IANA names: copies, and variants that count leap seconds."""

FirstOf = Callable[[Trigger, str], datetime]
"""Returns when a trigger first fires from now on, in a time zone. Raises `InvalidInput` if it never does."""


@dataclass(frozen=True, slots=True)
class ScheduleUpdate:
    """Changes to a schedule; None keeps a field as it is."""

    name: str | None = None
    agent_name: AgentName | None = None
    prompt: str | None = None
    trigger: Trigger | None = None
    timezone: str | None = None
    deliver_to: tuple[Address, ...] | None = None
    is_active: bool | None = None


def check_zone(name: str) -> None:
    """Raises `InvalidInput` for a name that means another zone on each machine."""
    if name.casefold() in OF_THIS_MACHINE or name.casefold().startswith(FOLDERS_OF_THIS_MACHINE):
        raise InvalidInput(
            f"timezone is {name!r}, which differs from machine to machine; it should be a name such as Europe/Berlin or UTC."
        )


def changed(schedule: Schedule, update: ScheduleUpdate, first_of: FirstOf) -> Schedule:
    """Returns the schedule with the update applied. New times or resuming reset its next fire; a paused schedule has none.

    Raises `InvalidInput` for a trigger that never fires.
    """
    after = replace(
        schedule,
        name=schedule.name if update.name is None else update.name,
        agent_name=schedule.agent_name if update.agent_name is None else update.agent_name,
        prompt=schedule.prompt if update.prompt is None else update.prompt,
        trigger=schedule.trigger if update.trigger is None else update.trigger,
        timezone=schedule.timezone if update.timezone is None else update.timezone,
        deliver_to=schedule.deliver_to if update.deliver_to is None else update.deliver_to,
        is_active=schedule.is_active if update.is_active is None else update.is_active,
    )
    return replace(after, next_fire_at=_next_fire(schedule, after, first_of))


def _next_fire(before: Schedule, after: Schedule, first_of: FirstOf) -> datetime | None:
    retimed = (after.trigger, after.timezone) != (before.trigger, before.timezone)
    # Triggers that never fire are refused even while the schedule is paused.
    first = first_of(after.trigger, after.timezone) if retimed or (after.is_active and not before.is_active) else None
    if not after.is_active:
        return None
    return first if first is not None else before.next_fire_at
