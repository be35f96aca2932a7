"""Live events: never the record, only the news of it. A follower that missed some reads rows by `seq`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.model import (
    JsonNotes,
    JsonObject,
    Message,
    Session,
    SessionId,
    StateSection,
    TurnId,
    TurnStatus,
    Usage,
    UserId,
)
from gateway.core.values import value

# What an agent yields ------------------------------------------------------------------------------------------------


@value
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent called a tool."""

    call_id: str
    name: str
    input: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool answered; `call_id` as in its call."""

    call_id: str
    name: str
    output: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What the answer has cost; several add up."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class AgentSession:
    """What the agent's own framework calls this conversation; later turns get it back as `turn.agent_session`."""

    name: str


@dataclass(frozen=True, slots=True)
class StateChange:
    """Keys to set in a section of the session's state, kept together with the reply; None removes a key.

    For the scratchpad also a list, which takes the place of whatever is there.
    """

    section: StateSection
    values: JsonNotes


AgentEvent = TextDelta | ToolCall | ToolResult | UsageReport | AgentSession | StateChange

# What followers of a session hear: each event says whose session it is of ---------------------------------------------


@value
class TurnChanged:
    """A turn has a new status or a new attempt. `reply_seq`: where its reply stands, once it has ended."""

    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    status: TurnStatus
    attempt: int
    reply_seq: int | None = None


@value
class AttemptBegan:
    """An attempt at a turn begins on this replica: all of its progress follows."""

    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    attempt: int


@value
class Progress:
    """Something an agent yielded, on its way to whoever watches."""

    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    attempt: int
    event: TextDelta | ToolCall | ToolResult


@value
class MessageAdded:
    """A transcript row was committed."""

    message: Message

    @property
    def user_id(self) -> UserId:
        return self.message.user_id


@dataclass(frozen=True, slots=True)
class RowsAdded:
    """Rows up to `last_seq` were committed somewhere else: read them."""

    session_id: SessionId
    user_id: UserId
    last_seq: int


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A transcript row was edited or deleted."""

    message: Message

    @property
    def user_id(self) -> UserId:
        return self.message.user_id


@value
class SessionChanged:
    """A session appeared or changed."""

    session: Session

    @property
    def user_id(self) -> UserId:
        return self.session.user_id


@dataclass(frozen=True, slots=True)
class SessionDeleted:
    """A session is gone with everything in it. `user_id`: whose it was; None when it was missed and nobody can say."""

    session_id: SessionId
    user_id: UserId | None


LiveEvent = (
    TurnChanged | AttemptBegan | Progress | MessageAdded | RowsAdded | MessageChanged | SessionChanged | SessionDeleted
)
