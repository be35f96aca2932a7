"""`turngate sessions`: all users' conversations, on every channel."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, get_args

import typer

from channels.table import known_channels
from gateway.api.models import sessions as models
from gateway.api.responses.documents import Format
from gateway.app.building.stores import Stores, open_stores
from gateway.app.building.user_data import documents_of
from gateway.cli.options import AsJson, ConfigFile, DataDir, OfUser, one_of, quiet_settings, whole_number
from gateway.cli.output import ago, print_json, print_table, say
from gateway.cli.work import write
from gateway.config import Settings
from gateway.core.model import (
    STATELESS,
    AgentName,
    ChannelName,
    JsonObject,
    Message,
    Session,
    SessionId,
    UserId,
)
from gateway.core.ports.sessions.sessions import SessionFilter, SessionPage
from gateway.core.shapes import speaker
from gateway.errors import InvalidInput, NotFound

commands = typer.Typer(help="Conversations, from every channel.", no_args_is_help=True)

PAGE = 200
Id = Annotated[str, typer.Argument(metavar="ID", help="As `turngate sessions list` shows it.")]
Channel = Annotated[str | None, typer.Option("--channel", metavar="C", help="Such as web or telegram.")]
Agent = Annotated[str | None, typer.Option("--agent", metavar="A", help="Only conversations with this agent.")]
Stateless = Annotated[
    bool, typer.Option("--stateless", help="Only API calls that name no session, which are otherwise left out.")
]
Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        parser=whole_number("--limit", 1, PAGE),
        help="How many to list, latest first; at most 200.",
    ),
]
Form = Annotated[
    Format,
    typer.Option(
        "--format",
        metavar="json|markdown",
        parser=one_of("--format", get_args(Format)),
        help="JSON for programs, Markdown for reading.",
    ),
]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A session with all its messages, ascending."""

    session: Session
    messages: Sequence[Message]

    def json(self) -> JsonObject:
        """The output of `--json`."""
        return {
            "session": models.Session.of(self.session).model_dump(mode="json"),
            "messages": [models.Message.of(message).model_dump(mode="json") for message in self.messages],
        }


@commands.command("list")
def list_(
    *,
    user: OfUser = None,
    channel: Channel = None,
    agent: Agent = None,
    stateless: Stateless = False,
    limit: Limit = 50,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List sessions, latest activity first."""
    if channel is not None and channel not in known_channels():
        raise InvalidInput(f"--channel is {channel!r}; it should be one of: {', '.join(known_channels())}.")
    wanted = SessionFilter(
        user_id=None if user is None else UserId(user),
        channel=None if channel is None else ChannelName(channel),
        agent=None if agent is None else AgentName(agent),
        metadata=((STATELESS, "true"),) if stateless else (),
        limit=limit,
    )
    page = asyncio.run(_list(quiet_settings(config, data_dir), wanted))
    if as_json:
        print_json(
            {
                "sessions": [models.Session.of(session).model_dump(mode="json") for session in page.sessions],
                "total": page.total,
                "total_is_exact": page.total_is_exact,
            }
        )
        return
    columns = ("session", "user", "channel", "agent", "title", "messages", "last activity", "")
    print_table(columns, map(_row, page.sessions), "No sessions yet. Each one begins with its first message.")
    if page.next_cursor is not None:
        more = "" if page.total_is_exact else " or more"
        say(f"{len(page.sessions)} of {page.total:,}{more}; --limit, --user, --channel and --agent choose which.")


def _row(session: Session) -> tuple[str, ...]:
    return (
        session.session_id,
        session.user_id,
        session.channel,
        session.agent_name,
        session.title or "",
        str(session.message_count),
        ago(session.last_message_at),
        "" if session.is_active else "ended",
    )


@commands.command("show")
def show(
    session_id: Id,
    *,
    as_json: AsJson = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show one session with all its messages."""
    transcript = asyncio.run(_transcript(quiet_settings(config, data_dir), session_id))
    if as_json:
        print_json(transcript.json())
        return
    session = transcript.session
    typer.echo(f"{session.title or 'Untitled'}\n{session.user_id} · {session.channel} · {session.agent_name}\n")
    columns = ("", "who", "when", "text")
    rows = ((str(m.seq), speaker(m), f"{m.created_at:%Y-%m-%d %H:%M}", m.content) for m in transcript.messages)
    print_table(columns, rows, "No messages yet.")


@commands.command("export")
def export(
    session_id: Id,
    *,
    format_: Form = "json",
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Print a session as JSON or Markdown."""
    asyncio.run(_export(quiet_settings(config, data_dir), session_id, format_))


@commands.command("delete")
def delete(
    session_id: Id,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Remove a session with its messages, for good."""
    settings = quiet_settings(config, data_dir)
    if not yes:
        asyncio.run(_check_exists(settings, session_id))
        typer.confirm(f"Remove session {session_id} with all its messages?", abort=True, err=True)
    asyncio.run(_delete(settings, session_id))
    say(f"Session {session_id} is removed.")


async def _list(settings: Settings, wanted: SessionFilter) -> SessionPage:
    async with open_stores(settings) as stores:
        return await stores.sessions.list(wanted)


async def _transcript(settings: Settings, session_id: str) -> Transcript:
    async with open_stores(settings) as stores:
        session = await _found(stores, session_id)
        return Transcript(session, await _messages(stores, session.session_id))


async def _messages(stores: Stores, session_id: SessionId) -> Sequence[Message]:
    found: list[Message] = []
    while rows := await stores.messages.after(session_id, None, found[-1].seq if found else 0, PAGE):
        found.extend(rows)
    return found


async def _export(settings: Settings, session_id: str, form: Format) -> None:
    async with open_stores(settings) as stores:
        session = await _found(stores, session_id)
        await write(documents_of(stores).session(session, form), sys.stdout.buffer)


async def _delete(settings: Settings, session_id: str) -> None:
    async with open_stores(settings) as stores:
        with _pointing_to_the_list(session_id):
            await stores.sessions.delete(SessionId(session_id), None)


async def _check_exists(settings: Settings, session_id: str) -> None:
    async with open_stores(settings) as stores:
        await _found(stores, session_id)


async def _found(stores: Stores, session_id: str) -> Session:
    with _pointing_to_the_list(session_id):
        return await stores.sessions.get(SessionId(session_id), None)


@contextmanager
def _pointing_to_the_list(session_id: str) -> Iterator[None]:
    try:
        yield
    except NotFound:
        raise NotFound(f"There is no session {session_id!r}. `turngate sessions list` shows all ids.") from None
