"""Carries out chat commands. Their answers are notices, not part of the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from gateway.core.commands import HELP, Command
from gateway.core.inbound import InboundMessage
from gateway.core.intake.linking import LinkCommands
from gateway.core.intake.switching import Switching
from gateway.core.model import Session
from gateway.core.ports.sessions.sessions import SessionStore
from gateway.core.ports.turns import TurnStore
from gateway.core.service import Notice
from gateway.core.titles.titles import title_given
from gateway.core.turns.runner import Runner

WAITING = "The agent has asked a question and waits for the answer."
TITLE_LIMIT = 200
TITLE_RULE = f"Put the title after the command, at most {TITLE_LIMIT} characters: /title Holiday plans"


@dataclass(frozen=True, slots=True)
class CommandsParts:
    """What chat commands need."""

    sessions: SessionStore
    turns: TurnStore
    runner: Runner
    switching: Switching
    linking: LinkCommands


class Commands:
    """Runs commands in the session that the message would have gone to."""

    def __init__(self, parts: CommandsParts) -> None:
        self._parts = parts
        self._sessions = parts.sessions

    async def run(self, command: Command, message: InboundMessage) -> Notice:
        """Raises `NotFound` if a named session does not exist."""
        match command.name:
            case "help":
                return Notice("\n".join(f"/{name}: {text}" for name, text in HELP.items()))
            case "new" | "stop" | "status" | "title":
                return await self._here(command.name, command.rest, message)
            case "sessions" | "resume" | "fork" | "agent":
                return await self._switch(command.name, command.rest, message)
            case "link":
                return await self._parts.linking.link(message.user_id, command.rest)
            case "unlink":
                return await self._parts.linking.unlink(message.user_id, command.rest)
            case _:
                assert_never(command.name)

    async def _here(
        self, name: Literal["new", "stop", "status", "title"], rest: str, message: InboundMessage
    ) -> Notice:
        match name:
            case "new":
                return await self._parts.switching.new(message)
            case "stop":
                return await self._stop(message)
            case "status":
                return await self._status(message)
            case "title":
                return await self._title(message, rest)
            case _:
                assert_never(name)

    async def _switch(
        self, name: Literal["sessions", "resume", "fork", "agent"], rest: str, message: InboundMessage
    ) -> Notice:
        switching, here = self._parts.switching, await self._session(message)
        match name:
            case "sessions":
                return await switching.sessions(message, here)
            case "resume":
                return await switching.resume(message, here, rest)
            case "fork":
                return await switching.fork(message, here)
            case "agent":
                return await switching.agent(message, rest)
            case _:
                assert_never(name)

    async def _session(self, message: InboundMessage) -> Session | None:
        if message.session_id is not None:
            return await self._sessions.get(message.session_id, message.user_id)
        return await self._sessions.resumable(message.user_id, message.route)

    async def _stop(self, message: InboundMessage) -> Notice:
        session = await self._session(message)
        turns = [] if session is None else await self._sessions.open_turns(session.session_id, message.user_id)
        for turn in turns:
            await self._parts.turns.request_cancel(turn.turn_id, message.user_id)
            self._parts.runner.cancel(turn.turn_id)
        return Notice("Stopped." if turns else "Nothing is being answered right now.")

    async def _status(self, message: InboundMessage) -> Notice:
        session = await self._session(message)
        if session is None:
            return Notice(f"No conversation yet. Your next message starts one with {message.agent}.")
        name = f"“{session.title}”" if session.title else "This conversation"
        doing = await self._doing(session) if session.running else "Nothing is being written."
        return Notice(
            f"{name} with {session.agent_name}, {session.message_count} messages, "
            f"started on {session.channel} {session.created_at:%Y-%m-%d %H:%M} UTC. {doing}"
        )

    async def _doing(self, session: Session) -> str:
        turns = await self._sessions.open_turns(session.session_id, session.user_id)
        return WAITING if any(turn.status == "waiting" for turn in turns) else "An answer is being written."

    async def _title(self, message: InboundMessage, rest: str) -> Notice:
        title = title_given(rest)
        if not title or len(title) > TITLE_LIMIT:
            return Notice(TITLE_RULE)
        session = await self._session(message)
        if session is None:
            return Notice("There is no conversation to name yet. Write a message first.")
        await self._sessions.rename(session.session_id, message.user_id, title)
        return Notice(f"This conversation is now called “{title}”.")
