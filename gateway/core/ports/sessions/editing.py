"""Changes to what was said: messages edited, deleted and answered again, sessions forked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.core.model import ChannelName, ChatId, JsonObject, Message, MessageId, Route, Session, SessionId, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.turns import Acceptance


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A message as it is now, and its session."""

    message: Message
    session: Session


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered anew: a user's message, or the one that a reply answers; None: the last. `text`: its new text."""

    session_id: SessionId
    message_id: MessageId | None
    text: str | None
    by: UserId


@dataclass(frozen=True, slots=True)
class AnsweredAgain:
    """A new turn for an old message, claimed by this replica. `changed`: the rows that were hidden for it, and those it answers."""

    acceptance: Acceptance
    changed: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class MessageVersion:
    """What a message was before a change, and who made that."""

    version: int
    content: str
    parts: tuple[JsonObject, ...]
    change: Literal["edit", "delete", "rewind"]
    changed_by: UserId
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """Where a fork begins and where it lives. `message_id` None: at the end. `route`: the place that goes on in it.

    `chat_id`: what the new session is to be called; a second fork of that name is the first again. `account`: as in `InboundMessage`;
    raises `SenderChanged` when it is no longer the user's.
    """

    session_id: SessionId
    message_id: MessageId | None
    title: str | None
    channel: ChannelName
    route: Route
    chat_id: ChatId | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Forked:
    """A new session, and what the agent's framework calls the one it came from; None for a fork that was there already."""

    session: Session
    agent_session: str | None


class EditStore(Protocol):
    """Changes of the transcript; rows keep their `seq`. `user_id` None acts for an operator, `by` is whoever asked.

    All raise `NotFound` for a session or message that is missing, deleted or someone else's, and `Conflict` while the message
    waits for its answer.
    """

    async def rewrite(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, text: str | None, by: UserId
    ) -> Rewritten:
        """Gives a message another text, or (None) deletes it; what it was is kept."""
        ...

    async def versions(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId
    ) -> Sequence[MessageVersion]:
        """What a message was before its changes, oldest first; also of a deleted one."""
        ...

    async def answer_again(self, question: Question, user_id: UserId | None, terms: TurnTerms) -> AnsweredAgain:
        """Hides what was said since a user's message, and opens a new turn for it.

        Raises `Conflict` while any turn of the session is open.
        """
        ...

    async def fork(self, point: ForkPoint, user_id: UserId | None) -> Forked:
        """A new session of the same user with the messages up to there, counted anew; the parent stays as it is."""
        ...

    async def remember_agent_session(self, session_id: SessionId, user_id: UserId, agent_session: str) -> None:
        """Keeps what the agent's framework calls this conversation."""
        ...
