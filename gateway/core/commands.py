"""Chat commands, the same on every channel. Their answers are notices, not part of the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from gateway.core.model import InboundMessage, Session
from gateway.core.ports.sessions import SessionStore
from gateway.core.ports.turns import TurnStore
from gateway.core.runner import Runner
from gateway.core.service import Notice
from gateway.errors import InvalidInput

CommandName = Literal["new", "stop", "status", "title", "help"]

HELP: dict[CommandName, str] = {
    "new": "Start a new conversation; what stands behind it is its first message",
    "stop": "Stop the answer that is being written",
    "status": "Show which conversation this is",
    "title": "Name this conversation: /title Holiday plans",
    "help": "Show these commands",
}
TITLE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what stands behind it."""

    name: CommandName
    rest: str


def parse_command(text: str) -> Command | None:
    """The command that a text is; None for everything else, which is for the agent."""
    word, _, rest = text.strip().partition(" ")
    for name in HELP:
        if word.casefold() == f"/{name}" and (name in {"new", "title"} or not rest.strip()):
            return Command(name, rest.strip())
    return None


class Commands:
    """Carries out commands in the session that the message would have gone to."""

    def __init__(self, sessions: SessionStore, turns: TurnStore, runner: Runner) -> None:
        self._sessions = sessions
        self._turns = turns
        self._runner = runner

    async def run(self, command: Command, message: InboundMessage) -> Notice:
        """Raises `NotFound` for a named session that is missing, `InvalidInput` for a title that cannot be one."""
        match command.name:
            case "new":
                await self._sessions.end_current(message.user_id, message.route, message.session_id)
                return Notice("A new conversation begins with your next message.", session_ended=True)
            case "stop":
                return await self._stop(message)
            case "status":
                return await self._status(message)
            case "title":
                return await self._title(message, command.rest)
            case "help":
                return Notice("\n".join(f"/{name}: {text}" for name, text in HELP.items()))
            case _:
                assert_never(command.name)

    async def _session(self, message: InboundMessage) -> Session | None:
        if message.session_id is not None:
            return await self._sessions.get(message.session_id, message.user_id)
        return await self._sessions.resumable(message.user_id, message.route)

    async def _stop(self, message: InboundMessage) -> Notice:
        session = await self._session(message)
        turns = [] if session is None else await self._sessions.open_turns(session.session_id, message.user_id)
        for turn_id in turns:
            await self._turns.request_cancel(turn_id, message.user_id)
            self._runner.cancel(turn_id)
        return Notice("Stopped." if turns else "Nothing is being answered right now.")

    async def _status(self, message: InboundMessage) -> Notice:
        session = await self._session(message)
        if session is None:
            return Notice(f"No conversation yet. Your next message begins one with {message.agent}.")
        name = f"“{session.title}”" if session.title else "This conversation"
        doing = "An answer is being written." if session.running else "Nothing is being written."
        return Notice(
            f"{name} with {session.agent_name}, {session.message_count} messages, "
            f"begun on {session.channel} {session.created_at:%Y-%m-%d %H:%M} UTC. {doing}"
        )

    async def _title(self, message: InboundMessage, title: str) -> Notice:
        if not title or len(title) > TITLE_LIMIT:
            raise InvalidInput(
                f"Write the title behind the command, at most {TITLE_LIMIT} characters: /title Holiday plans"
            )
        session = await self._session(message)
        if session is None:
            return Notice("There is no conversation to name yet. Write a message first.")
        await self._sessions.rename(session.session_id, message.user_id, title)
        return Notice(f"This conversation is now called “{title}”.")
