"""`/api/schedules`: prompts that run by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Self

from aiohttp import web
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from gateway.api.models import schedules as models
from gateway.api.parts import ApiParts, acting_user, parts_of, principal_of
from gateway.api.requests.limits import allow_message
from gateway.api.requests.reading import (
    SEEN,
    AgentChoice,
    Body,
    Cursor,
    Limit,
    Name,
    Text,
    User,
    UuidPath,
    on_one_line,
    uuid_of,
)
from gateway.api.requests.triggers import GivenTrigger, Zone, trigger_of, zone
from gateway.api.responses.answers import answer, no_content
from gateway.api.route import ERASED, route
from gateway.api.routes.sessions import narrowed
from gateway.core.model import Address, AgentName, JsonObject, Principal, Route, UserId, is_pushed
from gateway.core.ports.schedules import (
    MOST_LISTED,
    NewSchedule,
    OnceTrigger,
    Schedule,
    Trigger,
)
from gateway.core.scheduling import ScheduleUpdate, changed
from gateway.errors import Conflict, Forbidden, InvalidInput, TooLarge

CHANGE_TRIES = 5


ScheduleName = Annotated[Name, AfterValidator(on_one_line), Field(json_schema_extra=SEEN)]
"""The title of each run."""
ChatAddress = Annotated[str, Field(max_length=200)]


class ScheduleDraft(Body):
    """A schedule to create."""

    name: ScheduleName
    prompt: Text
    trigger: GivenTrigger
    agent_name: AgentChoice | None = Field(None, description="Default: the gateway's default agent.")
    timezone: Zone = "UTC"
    deliver_to: list[ChatAddress] = Field(
        [],
        max_length=10,
        description="Your chats that also receive the reply, such as `telegram:<bot>:<chat>:<topic>`.",
    )
    is_active: bool = True


def _something_given(schema: JsonObject) -> None:
    """Requires at least one field that is not null."""
    fields = schema["properties"]
    names = list(fields) if isinstance(fields, dict) else []
    schema["anyOf"] = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]


class ScheduleChange(Body):
    """Changes to a schedule; absent or null keeps a field as it is. At least one is needed."""

    model_config = ConfigDict(json_schema_extra=_something_given)

    name: ScheduleName | None = None
    prompt: Text | None = None
    trigger: GivenTrigger | None = Field(None, description="A new trigger computes the next fire from now.")
    timezone: Zone | None = None
    agent_name: AgentChoice | None = None
    deliver_to: list[ChatAddress] | None = Field(None, max_length=10)
    is_active: bool | None = Field(
        None, description="False pauses the schedule; true resumes it, with the next fire computed from now."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(value is None for value in dict(self).values()):
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


@route("GET", "/api/schedules", "Schedules", answer=models.Schedules)
async def list_schedules(
    request: web.Request,
    user: User | None = None,
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED, description="The oldest are listed.")] = MOST_LISTED,
) -> web.Response:
    """Lists the user's schedules, the oldest first; for operators, everyone's, filtered by `user`."""
    _require_account(principal_of(request))
    schedules = await parts_of(request).schedules.list(narrowed(request, user), limit)
    return answer(models.Schedules(schedules=tuple(map(models.Schedule.of, schedules))))


@route(
    "POST",
    "/api/schedules",
    "Schedules",
    answer=models.Schedule,
    statuses=(HTTPStatus.CREATED,),
    refusals={
        HTTPStatus.CONFLICT: f"{ERASED}, or already has as many schedules as allowed",
    },
    example={
        "name": "Morning news",
        "prompt": "What is new?",
        "trigger": {"type": "cron", "expression": "0 8 * * mon-fri"},
        "timezone": "Europe/Berlin",
    },
)
async def create_schedule(request: web.Request, draft: ScheduleDraft) -> web.Response:
    """Creates a schedule; the response includes the time of its first fire."""
    _require_account(principal_of(request))
    parts = parts_of(request)
    schedule = await new_schedule(parts, principal_of(request).user_id, draft)
    made = await parts.schedules.create(schedule, most=parts.settings.limits.schedules_per_user)
    parts.schedule_changed()
    return answer(models.Schedule.of(made), HTTPStatus.CREATED)


@route("GET", "/api/schedules/{schedule_id}", "Schedules", answer=models.Schedule)
async def get_schedule(request: web.Request, schedule_id: UuidPath, /) -> web.Response:
    """Returns one schedule."""
    wanted = uuid_of(schedule_id, "schedule")
    return answer(models.Schedule.of(await parts_of(request).schedules.get(wanted, acting_user(request))))


@route(
    "PATCH",
    "/api/schedules/{schedule_id}",
    "Schedules",
    answer=models.Schedule,
    refusals={
        HTTPStatus.CONFLICT: "The schedule keeps changing; try again in a moment",
    },
    example={"is_active": False},
)
async def change_schedule(request: web.Request, schedule_id: UuidPath, /, change: ScheduleChange) -> web.Response:
    """Changes the given fields and keeps the rest; new times count from now on, and `is_active` pauses and resumes."""
    parts, wanted, acting = parts_of(request), uuid_of(schedule_id, "schedule"), acting_user(request)
    for _ in range(CHANGE_TRIES):
        before = await parts.schedules.get(wanted, acting)
        first_fire = partial(_first_fire, parts, await parts.schedules.now())
        after = changed(before, await _update(parts, before, change), first_fire)
        # If a fire or another change has come in between, reads it again.
        if (kept := await parts.schedules.change(before, after)) is not None:
            parts.schedule_changed()
            return answer(models.Schedule.of(kept))
    raise Conflict("The schedule keeps changing. Try again in a moment.")


@route("GET", "/api/schedules/{schedule_id}/runs", "Schedules", answer=models.ScheduleRuns)
async def list_runs(
    request: web.Request,
    schedule_id: UuidPath,
    /,
    limit: Limit = 50,
    cursor: Cursor | None = None,
) -> web.Response:
    """Lists a schedule's runs, newest first, with the session and the turn of each."""
    wanted, acting = uuid_of(schedule_id, "schedule"), acting_user(request)
    page = await parts_of(request).schedules.runs(wanted, acting, limit, cursor)
    is_operator = principal_of(request).role == "operator"
    runs = tuple(models.ScheduleRun.from_run(run, show_error=is_operator) for run in page.runs)
    return answer(models.ScheduleRuns(runs=runs, next_cursor=page.next_cursor))


@route("DELETE", "/api/schedules/{schedule_id}", "Schedules", statuses=(HTTPStatus.NO_CONTENT,))
async def delete_schedule(request: web.Request, schedule_id: UuidPath, /) -> web.Response:
    """Removes a schedule; the sessions of its runs stay."""
    await parts_of(request).schedules.delete(uuid_of(schedule_id, "schedule"), acting_user(request))
    return no_content()


@route(
    "POST",
    "/api/schedules/{schedule_id}/run",
    "Schedules",
    answer=models.RunBegun,
    statuses=(HTTPStatus.ACCEPTED,),
    refusals={
        HTTPStatus.CONFLICT: ERASED,
    },
)
async def run_schedule(request: web.Request, schedule_id: UuidPath, /) -> web.Response:
    """Fires immediately, in addition to its times."""
    allow_message(request)
    accepted = await parts_of(request).run_schedule(uuid_of(schedule_id, "schedule"), acting_user(request))
    session_id = accepted.session.session_id if accepted.session else None
    return answer(models.RunBegun(session_id=session_id, turn_id=accepted.turn_id), HTTPStatus.ACCEPTED)


async def _update(parts: ApiParts, schedule: Schedule, change: ScheduleChange) -> ScheduleUpdate:
    """Checks the given fields. Raises `InvalidInput`."""
    timezone = zone(change.timezone or schedule.timezone) if change.timezone or change.trigger else None
    chats = change.deliver_to
    return ScheduleUpdate(
        name=change.name,
        agent_name=None if change.agent_name is None else parts.agent_asked_for(change.agent_name),
        prompt=None if change.prompt is None else _checked_prompt(change.prompt, parts.settings.turns.max_text),
        trigger=None if change.trigger is None or timezone is None else trigger_of(change.trigger, timezone),
        timezone=change.timezone,
        deliver_to=None if chats is None else await _own_chats(parts, schedule.user_id, chats),
        is_active=change.is_active,
    )


def _require_account(principal: Principal) -> None:
    if principal.role == "visitor":
        raise Forbidden("Visitors cannot have schedules. Sign in to create one.")


async def new_schedule(parts: ApiParts, user_id: UserId, draft: ScheduleDraft) -> NewSchedule:
    """Checks a draft. Raises `InvalidInput`, or `NotFound` for an unknown agent."""
    prompt = _checked_prompt(draft.prompt, parts.settings.turns.max_text)
    agent = parts.agent_asked_for(draft.agent_name)
    trigger = trigger_of(draft.trigger, zone(draft.timezone))
    first = _first_fire(parts, await parts.schedules.now(), trigger, draft.timezone)
    return NewSchedule(
        user_id=user_id,
        name=draft.name,
        agent_name=AgentName(agent),
        prompt=prompt,
        trigger=trigger,
        timezone=draft.timezone,
        deliver_to=await _own_chats(parts, user_id, draft.deliver_to),
        is_active=draft.is_active,
        next_fire_at=first if draft.is_active else None,
    )


def _checked_prompt(prompt: str, longest: int) -> str:
    if not prompt.strip():
        raise InvalidInput(f"The schedule's prompt is empty; it should have 1 to {longest} characters.")
    if len(prompt) > longest:
        raise TooLarge(f"The schedule's prompt has {len(prompt)} characters; it should have at most {longest}.")
    return prompt


def _first_fire(parts: ApiParts, now: datetime, trigger: Trigger, timezone: str) -> datetime:
    if isinstance(trigger, OnceTrigger) and trigger.at <= now:
        raise InvalidInput("trigger.at is in the past; it should be in the future.")
    first = parts.first_fire(trigger, timezone, now)
    if first is None:
        raise InvalidInput("This schedule would never fire.")
    return first


async def _own_chats(parts: ApiParts, user_id: UserId, addresses: Sequence[str]) -> tuple[Address, ...]:
    return tuple([await _own_chat(parts, user_id, address) for address in addresses])


async def _own_chat(parts: ApiParts, user_id: UserId, address: str) -> Address:
    """Replies only go to chats their owner has written in: nobody can make the bot write to strangers."""
    if not is_pushed(address.partition(":")[0]) or await parts.sessions.current(user_id, Route(address)) is None:
        raise InvalidInput(
            f"deliver_to holds {address!r}; it should be a chat in which you have written to the bot, such as "
            "telegram:<bot>:<chat>:<topic>."
        )
    return Address(address)
