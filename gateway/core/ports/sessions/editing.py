"""Changes to transcripts: messages edited, deleted and regenerated, sessions forked."""

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
    """What to answer again: a user's message, or the message that a reply answers; None: the last one. `text`: its new text."""

    session_id: SessionId
    message_id: MessageId | None
    text: str | None
    by: UserId


@dataclass(frozen=True, slots=True)
class AnsweredAgain:
    """A new turn for an old message, claimed by this replica. `changed`: the rows hidden for it, and those it answers."""

    acceptance: Acceptance
    changed: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class MessageVersion:
    """An earlier version of a message, and who replaced it."""

    version: int
    content: str
    parts: tuple[JsonObject, ...]
    change: Literal["edit", "delete", "rewind"]
    changed_by: UserId
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ForkPoint:
    """Where a fork starts and where it continues. `message_id` None: at the end. `route`: the route that continues with it.

    `chat_id`: the id of the new session; forking again with the same id returns the first fork. `account`: as in `InboundMessage`;
    raises `SenderChanged` if it is no longer the user's.
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
    """A new session, and the framework's id of the conversation it was forked from; None for a fork that existed already."""

    session: Session
    agent_session: str | None


class EditStore(Protocol):
    """Changes to the transcript; rows keep their `seq`. With `user_id` None, acts for an operator; `by` is the user who asked.

    All methods raise `NotFound` for a session or message that is missing, deleted or someone else's, and `Conflict` while the message
    waits for its answer.
    """

    async def rewrite(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId, text: str | None, by: UserId
    ) -> Rewritten:
        """Replaces a message's text or, with None, deletes the message; the earlier version is kept."""
        ...

    async def versions(
        self, session_id: SessionId, user_id: UserId | None, message_id: MessageId
    ) -> Sequence[MessageVersion]:
        """Returns the earlier versions of a message, oldest first; also of a deleted one."""
        ...

    async def answer_again(self, question: Question, user_id: UserId | None, terms: TurnTerms) -> AnsweredAgain:
        """Hides everything after a user's message, and opens a new turn for it.

        Raises `Conflict` while any turn of the session is open.
        """
        ...

    async def fork(self, point: ForkPoint, user_id: UserId | None) -> Forked:
        """Creates a session of the same user with copies of the messages up to there, renumbered; the parent stays as it is."""
        ...

    async def remember_agent_session(self, session_id: SessionId, user_id: UserId, agent_session: str) -> None:
        """Stores the id of this conversation in the agent's framework."""
        ...
