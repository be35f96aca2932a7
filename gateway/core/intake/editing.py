"""What users do with conversations besides writing messages: edit, delete, regenerate, fork and remove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from gateway.core.events import TurnChanged
from gateway.core.intake.dispatcher import check_text
from gateway.core.live.announcer import Announcer
from gateway.core.model import AgentName, Message, MessageId, Session, SessionId, TurnId, UserId
from gateway.core.ports.agents import Agent, Branching, TurnTerms
from gateway.core.ports.sessions.editing import EditStore, ForkPoint, MessageVersion, Question
from gateway.core.ports.sessions.sessions import SessionStore
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Intake
from gateway.core.tasks.background import Background
from gateway.core.titles.titling import Titler
from gateway.errors import NotFound

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class EditingParts:
    """What editing needs. `stop`: ends a turn's attempt if it runs here."""

    store: EditStore
    sessions: SessionStore
    intake: Intake
    announcer: Announcer
    titler: Titler
    stop: Callable[[TurnId], None]
    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]
    max_text: int
    agent_s: float = 10.0
    """Seconds an agent's own framework has to copy or drop a conversation …"""
    forgetting_s: float = 30.0
    """… and to drop all conversations of a session."""


class Editing:
    """Changes sessions and their transcripts, and announces the changes to followers. With `user_id` None, acts for an operator.

    All methods raise `NotFound` for what is missing or someone else's, and `Conflict` while an answer is being written.
    """

    def __init__(self, parts: EditingParts) -> None:
        self._parts = parts
        self._answering = Background()

    async def edit(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, text: str, by: UserId
    ) -> Message:
        """Replaces the text of a message, which keeps its place. Raises `InvalidInput` or `TooLarge` for a text that cannot be stored."""
        check_text(text, self._parts.max_text)
        return await self._rewrite(session_id, user_id, message_id, text, by)

    async def delete(self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, by: UserId) -> Message:
        """Deletes a message; a tombstone keeps its place."""
        return await self._rewrite(session_id, user_id, message_id, None, by)

    async def _rewrite(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, text: str | None, by: UserId
    ) -> Message:
        done = await self._parts.store.rewrite(session_id, user_id, message_id, text, by)
        self._tell((done.message,), done.session)
        await self._parts.titler.again(done.session)
        return done.message

    async def versions(self, session_id: SessionId, message_id: MessageId) -> Sequence[MessageVersion]:
        """Returns the earlier versions of a message, for operators."""
        return await self._parts.store.versions(session_id, None, message_id)

    async def answer_again(
        self, session: Session, user_id: UserId | None, message_id: MessageId | None, text: str | None, by: UserId
    ) -> Acceptance:
        """Hides everything after a user's message (or the message that the named reply answers; None: the last one) and answers it again.

        `text`: the new text of the message.
        """
        if text is not None:
            check_text(text, self._parts.max_text)
        terms = self._parts.terms.get(session.agent_name)
        if terms is None:
            raise NotFound(f"There is no agent {session.agent_name}. There are: {', '.join(self._parts.terms)}.")
        # The caller may disconnect in the meantime; an opened turn runs all the same.
        return await self._answering.shielded(
            self._again(Question(session.session_id, message_id, text, by), user_id, terms)
        )

    async def _again(self, question: Question, user_id: UserId | None, terms: TurnTerms) -> Acceptance:
        again = await self._parts.store.answer_again(question, user_id, terms)
        if again.acceptance.session is not None:
            self._tell(again.changed, again.acceptance.session)
        # The message is already in the transcript: only the turn is new.
        self._parts.intake.adopt(replace(again.acceptance, message=None))
        if again.acceptance.session is not None:
            await self._parts.titler.again(again.acceptance.session)
        return again.acceptance

    async def fork(self, point: ForkPoint, user_id: UserId | None) -> Session:
        """Creates a session with the history up to that point; both continue independently."""
        forked = await self._parts.store.fork(point, user_id)
        session = forked.session
        if forked.agent_session is not None and point.message_id is None:
            await self._branch(session, forked.agent_session)
        self._parts.announcer.session(session)
        return session

    async def _branch(self, session: Session, agent_session: str) -> None:
        """Without a branch of its own, the agent starts afresh and receives the history."""
        agent: object = self._parts.agents.get(session.agent_name)
        if (
            isinstance(agent, Branching)
            and (branch := await self._bounded(agent.fork(agent_session), "fork")) is not None
        ):
            await self._parts.store.remember_agent_session(session.session_id, session.user_id, branch)

    async def delete_session(self, session_id: SessionId, user_id: UserId | None) -> None:
        """Removes the session with everything in it, and stops the turns that answer in it.

        In that order: a turn that ended before its session is removed would look like one that somebody cancelled.
        """
        turns = await self._parts.sessions.open_turns(session_id, user_id)
        gone = await self._parts.sessions.delete(session_id, user_id)
        for turn in turns:
            self._parts.stop(turn.turn_id)
            self._parts.announcer.turn(TurnChanged(session_id, gone.session.user_id, turn.turn_id, "cancelled", 0))
        self._parts.announcer.deleted(gone.session)
        agent: object = self._parts.agents.get(gone.session.agent_name)
        if isinstance(agent, Branching):
            await self._forget(agent, gone.agent_sessions)

    async def _forget(self, agent: Branching, agent_sessions: Sequence[str]) -> None:
        """Newest first: an agent that has no time for all of them drops those that contain the most."""
        left, seconds = len(agent_sessions), self._parts.forgetting_s
        try:
            async with asyncio.timeout(seconds):
                for name in reversed(agent_sessions):
                    await self._bounded(agent.forget(name), "forget")
                    left -= 1
        except TimeoutError:
            log.warning("agent_session_failed", deed="forget", reason=f"{left} were left after {seconds:g} s")

    async def _bounded(self, call: Awaitable[Answer], deed: str) -> Answer | None:
        """Returns the agent's result; None, with a log line, when the agent fails or takes too long."""
        try:
            async with asyncio.timeout(self._parts.agent_s):
                return await call
        except Exception as error:  # noqa: BLE001 - an agent's framework may raise anything, and the conversation continues
            log.warning("agent_session_failed", deed=deed, reason=f"{type(error).__name__}: {error}")
            return None

    def _tell(self, messages: Sequence[Message], session: Session) -> None:
        for message in messages:
            self._parts.announcer.changed(message)
        self._parts.announcer.session(session)
