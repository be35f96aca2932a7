"""`turngate schedules`: prompts that run by themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID, uuid4

import typer

from gateway.agents.registry import terms_of
from gateway.api.models.schedules import Schedule as ScheduleAnswer
from gateway.app.building.stores import open_or_create_stores, open_stores
from gateway.cli.options import AsJson, ConfigFile, DataDir, OfUser, id_from, quiet_settings
from gateway.cli.output import ago, print_json, print_table, say
from gateway.config import Settings
from gateway.core.durations import duration
from gateway.core.model import Address, AgentName, UserId, is_pushed
from gateway.core.ports.schedules import CronTrigger, IntervalTrigger, OnceTrigger, Schedule, Trigger
from gateway.core.ports.turns import Acceptance
from gateway.core.scheduling import ScheduleUpdate, changed
from gateway.errors import Conflict, InvalidInput, NotFound
from scheduler.new_schedule import WantedSchedule, validate_new
from scheduler.normalize import message_of_request
from scheduler.triggers import first_fire, moment_of
from scheduler.walltime import zone_of

commands = typer.Typer(help="Prompts that run on a schedule.", no_args_is_help=True)

CHANGE_TRIES = 5
ADDRESS = re.compile(r"[a-z][a-z0-9_]*(?::[^\s:]{1,100}){3}")
"""A network, the account that people write to, the chat, and the topic or 0."""

Id = Annotated[
    UUID,
    typer.Argument(
        metavar="ID", parser=id_from("turngate schedules list"), help="As `turngate schedules list` shows it."
    ),
]
User = Annotated[str, typer.Option("--user", metavar="U", help="Whose schedule it is.")]
Name = Annotated[str, typer.Option("--name", metavar="N", help="Also used as the title of its sessions.")]
Prompt = Annotated[str, typer.Option("--prompt", metavar="P", help="What the agent is asked each time.")]
Agent = Annotated[
    str | None, typer.Option("--agent", metavar="A", help="The agent that is asked; default: the default agent.")
]
Cron = Annotated[
    str | None, typer.Option("--cron", metavar='"M H D M W"', help='As in crontab, such as "0 8 * * mon-fri".')
]
Every = Annotated[str | None, typer.Option("--every", metavar="20m", help="First fires one interval from now.")]
At = Annotated[str | None, typer.Option("--at", metavar="T", help="Once, such as 2030-01-31T08:00 (in --tz).")]
Zone = Annotated[str, typer.Option("--tz", metavar="Z", help="Time zone, such as Europe/Berlin.")]
DeliverTo = Annotated[
    list[str] | None,
    typer.Option(
        "--deliver-to", metavar="A", help="Where the reply is also sent, such as telegram:<bot>:<chat>:<topic or 0>."
    ),
]


@commands.command("list")
def list_(
    *,
    user: OfUser = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List schedules and when they fire next."""
    schedules = asyncio.run(_list(quiet_settings(config, data_dir), user))
    if as_json:
        print_json([ScheduleAnswer.of(schedule).model_dump(mode="json") for schedule in schedules])
        return
    columns = ("id", "user", "name", "agent", "when", "zone", "next", "last")
    empty = 'No schedules yet. Create one: turngate schedules add --user U --name N --prompt P --cron "0 8 * * *"'
    print_table(columns, map(_row, schedules), empty)


def _row(schedule: Schedule) -> tuple[str, ...]:
    kind, *when = ScheduleAnswer.of(schedule).trigger.model_dump(mode="json").values()
    following = ago(schedule.next_fire_at) if schedule.is_active else "paused"
    return (
        str(schedule.id),
        schedule.user_id,
        schedule.name,
        schedule.agent_name,
        f"{kind} {' '.join(map(str, when))}",
        schedule.timezone,
        following,
        ago(schedule.last_fire_at),
    )


@commands.command("add")
def add(
    *,
    user: User,
    name: Name,
    prompt: Prompt,
    agent: Agent = None,
    cron: Cron = None,
    every: Every = None,
    at: At = None,
    tz: Zone = "UTC",
    deliver_to: DeliverTo = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Add a schedule: one of --cron, --every or --at."""
    settings = quiet_settings(config, data_dir)
    wanted = WantedSchedule(
        user_id=UserId(user),
        name=name,
        agent_name=known_agent(settings, agent),
        prompt=prompt,
        trigger=trigger_of(cron, every, at, tz),
        timezone=tz,
        deliver_to=tuple(map(chat_address, deliver_to or ())),
    )
    made = asyncio.run(_add(settings, wanted))
    if as_json:
        print_json(ScheduleAnswer.of(made).model_dump(mode="json"))
        return
    typer.echo(str(made.id))
    say(f"{made.name} fires {ago(made.next_fire_at)} if a gateway is running.")


def chat_address(text: str) -> Address:
    """Raises `InvalidInput` for anything but the address of a chat."""
    if not ADDRESS.fullmatch(text) or not is_pushed(text.partition(":")[0]):
        raise InvalidInput(
            f"--deliver-to is {text[:80]!r}; it should be an address such as telegram:<bot id>:<chat id>:<topic or 0>."
        )
    return Address(text)


def known_agent(settings: Settings, name: str | None) -> AgentName:
    """Raises `InvalidInput` for an agent that isn't in the settings."""
    chosen = name or settings.default_agent
    if chosen not in settings.agents:
        raise InvalidInput(f"--agent is {chosen!r}; it should be one of: {', '.join(settings.agents)}.")
    return AgentName(chosen)


def trigger_of(cron: str | None, every: str | None, at: str | None, tz: str) -> Trigger:
    """Returns the one given trigger; a time without an offset is in the zone `tz`. Raises `InvalidInput` unless exactly one is given."""
    match cron, every, at:
        case str(expression), None, None:
            return CronTrigger(expression)
        case None, str(span), None:
            return IntervalTrigger(int(duration(span, "--every").total_seconds()))
        case None, None, str(text):
            return OnceTrigger(moment_of(OnceTrigger(_parsed(text)), zone_of(tz)))
        case _:
            raise InvalidInput('Give one of --cron "0 8 * * *", --every 20m, or --at 2030-01-31T08:00.')


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--at is {text!r}; it should be a time such as 2030-01-31T08:00:00Z.") from None


@commands.command("run")
def run(schedule_id: Id, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Fire a schedule now, in addition to its times. A running gateway runs it; without one, it waits for the next."""
    accepted = asyncio.run(_run(quiet_settings(config, data_dir), schedule_id))
    typer.echo(accepted.session.session_id if accepted.session else "")
    say(
        "Queued in that session. A running gateway answers within seconds; if none is running, the next one to start answers."
    )


@commands.command("pause")
def pause(schedule_id: Id, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Stop a schedule from firing, until it is resumed."""
    paused = asyncio.run(_set_active(quiet_settings(config, data_dir), schedule_id, active=False))
    say(f"{paused.name} is paused.")


@commands.command("resume")
def resume(schedule_id: Id, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Let a paused schedule fire again, from its next time on."""
    resumed = asyncio.run(_set_active(quiet_settings(config, data_dir), schedule_id, active=True))
    say(f"{resumed.name} fires {ago(resumed.next_fire_at)}.")


@commands.command("remove")
def remove(schedule_id: Id, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Remove a schedule; the sessions of its runs stay."""
    asyncio.run(_remove(quiet_settings(config, data_dir), schedule_id))
    say(f"Schedule {schedule_id} is removed.")


async def _list(settings: Settings, user: str | None) -> Sequence[Schedule]:
    async with open_stores(settings) as stores:
        return await stores.schedules.list(None if user is None else UserId(user))


async def _add(settings: Settings, wanted: WantedSchedule) -> Schedule:
    async with open_or_create_stores(settings) as stores:
        new = validate_new(wanted, await stores.schedules.now(), settings.turns.max_text)
        return await stores.schedules.create(new)


async def _run(settings: Settings, schedule_id: UUID) -> Acceptance:
    async with open_stores(settings) as stores:
        schedule = await stores.schedules.get(schedule_id, None)
        agent = settings.agents.get(schedule.agent_name)
        if agent is None:
            raise NotFound(f"The schedule's agent, {schedule.agent_name}, is not in the settings.")
        message = message_of_request(schedule, uuid4())
        accepted = await stores.schedules.run_now(schedule, message, terms_of(agent, settings.turns))
        if accepted.turn is not None:
            # Accepting claimed the turn for this command, which runs no agents.
            await stores.turns.release([accepted.turn.turn_id])
        return accepted


async def _set_active(settings: Settings, schedule_id: UUID, *, active: bool) -> Schedule:
    async with open_stores(settings) as stores:
        for _ in range(CHANGE_TRIES):
            before = await stores.schedules.get(schedule_id, None)
            after = changed(before, ScheduleUpdate(is_active=active), partial(_first_of, await stores.schedules.now()))
            if (kept := await stores.schedules.change(before, after)) is not None:
                return kept
    raise Conflict("The schedule keeps changing. Try again in a moment.")


def _first_of(now: datetime, trigger: Trigger, timezone: str) -> datetime:
    return first_fire(trigger, timezone, now)


async def _remove(settings: Settings, schedule_id: UUID) -> None:
    async with open_stores(settings) as stores:
        await stores.schedules.delete(schedule_id, None)
