"""Sessions and their messages."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, WithJsonSchema

from gateway.api.models.common import Answer, Channel, Id, Instant
from gateway.core import model
from gateway.core.model import MessageKind, TurnStatus
from gateway.core.ports.sessions.search import FoundPage
from gateway.core.ports.sessions.sessions import MessagePage

MessagePart = Annotated[object, WithJsonSchema({"type": "object", "additionalProperties": True})]
"""As in AI SDK's UIMessage. Written as stored: a part that is not an object must not fail the page."""


def _nothing(value: object) -> bool:
    return not value


class Session(Answer):
    """One conversation of a user with an agent."""

    session_id: str = Field(description="Assigned by the server; opaque.")
    user_id: str
    channel: Channel
    agent_name: str
    title: str | None
    is_active: bool
    created_at: Instant
    updated_at: Instant
    last_message_at: Instant | None
    ended_at: Instant | None
    message_count: int
    metadata: dict[str, object]
    parent_session_id: str | None


class Match(Answer):
    """Where a session matches the search; in its title if the first three fields are null."""

    message_id: str | None
    seq: int | None
    role: Literal["user", "assistant"] | None
    text: str = Field(description="An excerpt, plain text.")
    highlights: tuple[tuple[int, ...], ...] = Field(
        description="Pairs of start and end (exclusive) offsets in `text`, in UTF-16 code units, as JavaScript counts them."
    )


class ListedSession(Session):
    """A session in a list, and where it matches."""

    matches: tuple[Match, ...] = Field((), description="Only with `q`: at most three, best first.", exclude_if=_nothing)


class Sessions(Answer):
    """A page of sessions."""

    sessions: tuple[ListedSession, ...]
    total: int | None = Field(description="Null on pages fetched with `cursor`.")
    total_is_exact: bool | None = Field(
        description="False where there may be more: a long list of all users' sessions counts only the 5,000 with the latest activity, and "
        "a search counts what it found."
    )
    next_cursor: str | None = Field(description="Null on the last page.")

    @classmethod
    def found(cls, page: FoundPage) -> Self:
        """Builds a page of search results: sessions with their matches."""
        sessions = tuple(
            ListedSession.of(found.session).model_copy(update={"matches": tuple(map(Match.of, found.matches))})
            for found in page.sessions
        )
        return cls(
            sessions=sessions, total=page.total, total_is_exact=page.total_is_exact, next_cursor=page.next_cursor
        )


class Message(Answer):
    """A row of the transcript."""

    id: str
    session_id: str
    seq: int
    role: Literal["user", "assistant"]
    content: str
    parts: tuple[MessagePart, ...] = Field(description="As in AI SDK's UIMessage.")
    channel: Channel
    turn_id: Id | None
    created_at: Instant
    edited_at: Instant | None
    deleted: bool
    kind: MessageKind = Field(
        description="`apology`: the gateway's own reply where the agent gave none; `human`: an operator's reply."
    )
    metadata: dict[str, object] = Field(description="The sender's data about this message.")
    taken_back: bool = Field(
        False,
        description="Present and true for a tombstone that nobody deleted: the message was answered again, rewound or rolled back.",
        exclude_if=_nothing,
    )


class MessageVersion(Answer):
    """An earlier version of a message."""

    version: int
    content: str
    parts: tuple[MessagePart, ...]
    change: Literal["edit", "delete", "rewind"]
    changed_by: str
    changed_at: Instant


class MessageVersions(Answer):
    """All earlier versions of a message; its current text is in the transcript."""

    versions: tuple[MessageVersion, ...]


class Messages(Answer):
    """A page of the transcript, ascending."""

    messages: tuple[Message, ...]
    next_before_id: str | None = Field(description="Pass it as `before_id` for the previous page; null on the oldest.")


class ActiveSession(Session):
    """The session to resume, and its newest messages."""

    messages: tuple[Message, ...]
    next_before_id: str | None

    @classmethod
    def joined(cls, session: model.Session, page: MessagePage) -> Self:
        """Combines both."""
        return cls(**dict(Session.of(session)), **dict(Messages.of(page)))


class MaybeActiveSession(RootModel[ActiveSession | None]):
    """Null if the last activity is longer ago than `sessions.resume_minutes`."""


class Sent(Answer):
    """An accepted message, and the reply if there is one yet."""

    message: Message | None
    reply: Message | None
    turn_id: Id | None
    status: TurnStatus | None
    notice: str | None = Field(description="The answer to a chat command, which adds no message.")


class MessageOrSent(RootModel[Message | Sent]):
    """The message as it is now; with `answer_again`, the same response as for sending one."""
