"""`/api/schedules`: prompts that run by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal, assert_never
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import Field, StringConstraints

from gateway.api.answers import json, no_content, schedule_json
from gateway.api.parts import ApiParts, acting_user, parts_of, principal_of
from gateway.api.reading import Body, Name, User, uuid_of, validated
from gateway.api.sessions import narrowed
from gateway.core.model import TELEGRAM, Address, AgentName, Principal, Route, UserId
from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, NewSchedule, OnceTrigger, Trigger
from gateway.errors import Forbidden, InvalidInput, TooLarge

LONGEST_INTERVAL = 366 * 86_400
"""Seconds."""


class Cron(Body):
    """As in crontab: minute, hour, day of month, month, day of week."""

    type: Literal["cron"]
    expression: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Interval(Body):
    """Every so many seconds, first one interval from now."""

    type: Literal["interval"]
    seconds: int = Field(ge=1, le=LONGEST_INTERVAL)


class Once(Body):
    """At one time (RFC 3339); without an offset it is meant in the schedule's time zone."""

    type: Literal["once"]
    at: str = Field(max_length=64)


class ScheduleDraft(Body):
    """A schedule to be made."""

    name: Name
    prompt: str = Field(min_length=1)
    trigger: Annotated[Cron | Interval | Once, Field(discriminator="type")]
    agent_name: Name | None = Field(None, description="Default: the gateway's default agent.")
    timezone: str = Field("UTC", max_length=64, description="A name such as Europe/Berlin.")
    deliver_to: list[Annotated[str, Field(max_length=200)]] = Field(
        [], max_length=10, description="Chats of yours that get the reply too: `telegram:<bot>:<chat>:<topic>`."
    )
    is_active: bool = True


class ScheduleChange(Body):
    """What may be changed of a schedule."""

    is_active: bool


@validated
async def list_schedules(request: web.Request, user: User | None = None) -> web.Response:
    """The user's schedules; an operator's list holds everyone's, and `user` narrows it."""
    _require_account(principal_of(request))
    schedules = await parts_of(request).schedules.list(narrowed(request, user))
    return json({"schedules": [schedule_json(schedule) for schedule in schedules]})


@validated
async def create_schedule(request: web.Request, draft: ScheduleDraft) -> web.Response:
    """A new schedule, with the time of its first fire."""
    _require_account(principal_of(request))
    schedule = await new_schedule(parts_of(request), principal_of(request).user_id, draft)
    return json(schedule_json(await parts_of(request).schedules.create(schedule)), HTTPStatus.CREATED)


@validated
async def get_schedule(request: web.Request, schedule_id: str, /) -> web.Response:
    """One schedule."""
    wanted = uuid_of(schedule_id, "schedule")
    return json(schedule_json(await parts_of(request).schedules.get(wanted, acting_user(request))))


@validated
async def change_schedule(request: web.Request, schedule_id: str, /, change: ScheduleChange) -> web.Response:
    """Pauses a schedule, or resumes it with its next time from now on."""
    parts, wanted, acting = parts_of(request), uuid_of(schedule_id, "schedule"), acting_user(request)
    schedule = await parts.schedules.get(wanted, acting)
    following = _first_fire(parts, schedule.trigger, schedule.timezone) if change.is_active else None
    changed = await parts.schedules.set_active(wanted, acting, active=change.is_active, next_fire_at=following)
    return json(schedule_json(changed))


@validated
async def delete_schedule(request: web.Request, schedule_id: str, /) -> web.Response:
    """Removes a schedule; the sessions of its runs stay."""
    await parts_of(request).schedules.delete(uuid_of(schedule_id, "schedule"), acting_user(request))
    return no_content()


@validated
async def run_schedule(request: web.Request, schedule_id: str, /) -> web.Response:
    """Fires at once, besides its times."""
    accepted = await parts_of(request).run_schedule(uuid_of(schedule_id, "schedule"), acting_user(request))
    session_id = accepted.session.session_id if accepted.session else None
    turn_id = str(accepted.turn_id) if accepted.turn_id else None
    return json({"session_id": session_id, "turn_id": turn_id}, HTTPStatus.ACCEPTED)


def _require_account(principal: Principal) -> None:
    if principal.role == "visitor":
        raise Forbidden("Visitors have no schedules. Sign in to make one.")


async def new_schedule(parts: ApiParts, user_id: UserId, draft: ScheduleDraft) -> NewSchedule:
    """Checks a draft. Raises `InvalidInput`, or `NotFound` for an unknown agent."""
    prompt = _checked_prompt(draft.prompt, parts.settings.turns.max_text)
    agent = parts.agent_asked_for(draft.agent_name)
    trigger = trigger_of(draft.trigger, zone(draft.timezone))
    return NewSchedule(
        user_id=user_id,
        name=draft.name,
        agent_name=AgentName(agent),
        prompt=prompt,
        trigger=trigger,
        timezone=draft.timezone,
        deliver_to=tuple([await _own_chat(parts, user_id, address) for address in draft.deliver_to]),
        is_active=draft.is_active,
        next_fire_at=_first_fire(parts, trigger, draft.timezone),
    )


def _checked_prompt(prompt: str, longest: int) -> str:
    if not prompt.strip():
        raise InvalidInput(f"The schedule's prompt is empty; it should have 1 to {longest} characters.")
    if len(prompt) > longest:
        raise TooLarge(f"The schedule's prompt has {len(prompt)} characters; it should have at most {longest}.")
    return prompt


def _first_fire(parts: ApiParts, trigger: Trigger, timezone: str) -> datetime:
    now = datetime.now(UTC)
    if isinstance(trigger, OnceTrigger) and trigger.at <= now:
        raise InvalidInput("trigger.at is in the past; it should be a time to come.")
    first = parts.first_fire(trigger, timezone, now)
    if first is None:
        raise InvalidInput("This schedule would never fire.")
    return first


async def _own_chat(parts: ApiParts, user_id: UserId, address: str) -> Address:
    """Replies go only to chats their owner has talked in: nobody can have the bot write to strangers."""
    if not address.startswith(f"{TELEGRAM}:") or await parts.sessions.current(user_id, Route(address)) is None:
        raise InvalidInput(
            f"deliver_to holds {address!r}; it should be a Telegram chat of yours, telegram:<bot>:<chat>:<topic>, "
            "in which you wrote to the bot before."
        )
    return Address(address)


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises `InvalidInput`."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a strange path, a folder of the database, an unknown name
        raise InvalidInput(f"timezone is {name!r}; it should be a name such as Europe/Berlin or UTC.") from None


def trigger_of(draft: Cron | Interval | Once, timezone: ZoneInfo) -> Trigger:
    """The trigger meant. Raises `InvalidInput` for a time that isn't one."""
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
    """A time in UTC; without an offset it is one of `timezone`. Raises `InvalidInput`."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"trigger.at is {text!r}; it should be a time such as 2030-01-31T08:00:00Z.") from None
