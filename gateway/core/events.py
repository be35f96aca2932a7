"""Live events: they announce changes and are never the record. A follower that missed some reads rows by `seq`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.core.model import (
    JsonNotes,
    JsonObject,
    JsonValue,
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


@value
class ReasoningDelta:
    """The next piece of the model's reasoning: shown folded, kept as a part of the reply, and no part of its text."""

    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the agent is doing ("Searching…"), for people who watch. Replaces the status before; not recorded."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolInputDelta:
    """The next piece of a call's input, as the model writes it: JSON text. A `ToolCall` with the whole input follows."""

    call_id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent called a tool."""

    call_id: str
    name: str
    input: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool returned a result; `call_id` as in its call."""

    call_id: str
    name: str
    output: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class DataPart:
    """Structured data for programs and clients. `name`: its kind, in letters, digits, `-` and `_`.

    With a `key`, it replaces the part with the same name and key.
    """

    name: str
    data: JsonValue
    key: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A page that the answer relies on. `url`: http or https."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in the answer. `url`: http, https, or data with the content itself; `media_type` such as `image/png`."""

    url: str
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Handoff:
    """The agent asks for a human to continue. `reason`: for operators."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage of one answer; several reports add up."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class AgentSession:
    """The id of this conversation in the agent's own framework; later turns receive it as `turn.agent_session`."""

    name: str


@dataclass(frozen=True, slots=True)
class StateChange:
    """Keys to set in a section of the session's state, stored together with the reply; None removes a key.

    For the scratchpad it may also be a list, which replaces the section.
    """

    section: StateSection
    values: JsonNotes


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A question that the agent needs answered before it goes on, such as whether a tool may run. Its run ends here.

    The turn waits, with nothing running, and the agent is called again with the answer in `turn.answers`. `choices`: 1 to 10, the refusal
    last. `call_id`, `tool`, `input`: the tool call in question, shown with it. `expires_in`: seconds after which `default` counts as the
    answer; without one, the last choice. `resume`: the agent's own data, returned with the answer; at most 64 KiB as JSON.
    """

    text: str
    choices: Sequence[str] = ("Allow", "Deny")
    call_id: str = ""
    tool: str = ""
    input: JsonObject = field(default_factory=dict)
    expires_in: float | None = None
    default: str | None = None
    resume: JsonValue = None


@dataclass(frozen=True, slots=True)
class Choices:
    """Quick replies: answers that the user may pick, shown as buttons where possible; picking one sends it as an ordinary message."""

    options: Sequence[str]
    text: str = ""


WholePart: TypeAlias = DataPart | Citation | FilePart | Handoff
"""Events that are one part of the reply each."""
ShownEvent: TypeAlias = TextDelta | ReasoningDelta | Status | ToolInputDelta | ToolCall | ToolResult | WholePart
"""Events that followers receive while the turn runs."""
AgentEvent: TypeAlias = ShownEvent | UsageReport | AgentSession | StateChange | ApprovalRequest | Choices

# What followers of a session receive: each event names the session's owner --------------------------------------------


@value
class TurnChanged:
    """A turn has a new status or a new attempt. `reply_seq`: the `seq` of its reply, once it has ended."""

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
    """Something an agent yielded, on its way to followers."""

    session_id: SessionId
    user_id: UserId
    turn_id: TurnId
    attempt: int
    event: ShownEvent


@value
class MessageAdded:
    """A transcript row was committed."""

    message: Message

    @property
    def user_id(self) -> UserId:
        return self.message.user_id


@dataclass(frozen=True, slots=True)
class RowsAdded:
    """Rows up to `last_seq` were committed elsewhere and have to be read."""

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
    """A session was removed with everything in it. `user_id`: its owner; None if the event was missed and the owner is unknown."""

    session_id: SessionId
    user_id: UserId | None


LiveEvent = (
    TurnChanged | AttemptBegan | Progress | MessageAdded | RowsAdded | MessageChanged | SessionChanged | SessionDeleted
)
