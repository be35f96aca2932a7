"""The nouns: users, sessions, messages, turns, addresses. Values only; `docs/glossary.md` defines each word."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NewType, TypeAlias
from uuid import UUID

from gateway.core.commands import Command, parse_command
from gateway.core.values import value
from gateway.errors import ErrorClass

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
"""Opaque, made by the server, unique over all users."""
ChatId = NewType("ChatId", UUID)
"""The key of `chat_sessions`; internal."""
MessageId = NewType("MessageId", str)
TurnId = NewType("TurnId", UUID)
"""Also the idempotency key an agent gets: the same over all attempts at the turn."""
ReplicaId = NewType("ReplicaId", UUID)
AgentName = NewType("AgentName", str)
ChannelName = NewType("ChannelName", str)
"""One of the gateway's own channels below, or the name of a network in `channels/` or of an installed package."""
Route = NewType("Route", str)
"""Where in its channel a conversation takes place: `web:<agent>`, `<network>:<account>:<chat>:<topic>`. One session of a user
is current per route."""
Address = NewType("Address", str)
"""Where a reply can be delivered to through the outbox: `<channel>:<the channel's own target>`."""

WEB = ChannelName("web")
SCHEDULED = ChannelName("scheduled")
TERMINAL = ChannelName("terminal")
API = ChannelName("api")
OWN_CHANNELS: tuple[ChannelName, ...] = (WEB, SCHEDULED, TERMINAL, API)
"""Those that no reply is pushed to: clients read the rows, or somebody waits for the answer. `is_pushed` in SQL says the same."""


def is_pushed(channel: str) -> bool:
    """Whether replies are pushed to the people of that channel, which then is a network."""
    return channel not in OWN_CHANNELS


Role = Literal["user", "assistant"]
MessageKind = Literal["message", "apology", "note", "human"]
"""`apology`: the gateway's own words where the agent gave no answer; `note`: for operators only; `human`: an operator's reply."""
UserRole = Literal["user", "operator", "visitor"]
TurnStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
MultitaskStrategy = Literal["enqueue", "interrupt", "rollback", "reject"]
"""What a second message during a turn does; named as in LangGraph. `interrupt` cancels the turn and keeps what it said so
far, `rollback` takes question and answer back."""

STATELESS = "stateless"
"""The key of a session's metadata that leaves it out of lists while it is true: one API call that names no session."""

StateSection = Literal["blackboard", "scratchpad", "attributes"]
STATE_SECTIONS: tuple[StateSection, ...] = ("blackboard", "scratchpad", "attributes")

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"
"""Data that passes through unread: metadata, tool inputs and outputs, AI SDK message parts."""
JsonNotes: TypeAlias = "JsonObject | list[JsonValue]"
"""What a section of the state may be: an object, or, for the scratchpad only, a list."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `origin`: the only Origin a visitor's token is valid for.

    `ends`: when the credential ends, in seconds of `time.monotonic`, where the database says how long it has left; elsewhere
    `expires_at` decides, by this machine's clock.
    """

    user_id: UserId
    role: UserRole
    origin: str | None = None
    expires_at: datetime | None = None
    ends: float | None = field(default=None, compare=False)

    def remaining_s(self) -> float | None:
        """Seconds until the credential ends; None: it doesn't."""
        if self.ends is not None:
            return self.ends - time.monotonic()
        return None if self.expires_at is None else (self.expires_at - datetime.now(UTC)).total_seconds()


@value
class InboundMessage:
    """What a channel's normalizer makes of whatever came in.

    `key`: the channel's own id of the message, 1–128 characters; a message with a key seen before is a duplicate.
    `session_id`: a session the sender named, which then always continues; without it, the current session of `route`
    goes on within the resume window, else a new one begins.
    `deliver_to`: addresses the reply goes to besides those that follow the session live.
    `command`: the chat command that `text` is. It is read from the text, unless the channel has read it already.
    """

    user_id: UserId
    channel: ChannelName
    agent: AgentName
    text: str
    key: str
    route: Route
    session_id: SessionId | None = None
    deliver_to: tuple[Address, ...] = ()
    always_new: bool = False
    """A scheduled run: begins a session of its own, whatever the window says …"""
    ends_session: bool = False
    """… and ends it with its turn."""
    begins_session: bool = False
    """`/new` with a text: ends the route's current session, unless the message is a duplicate."""
    title: str | None = None
    data: tuple[JsonObject, ...] = ()
    """Parts that stand before the text in its row."""
    metadata: JsonObject = field(default_factory=dict)
    """The sender's own data about this message; checked by `gateway.core.content.metadata`."""
    account: str | None = None
    """The sender's id on `channel`, where a link decides which user that is: the message is kept only if it is `user_id` now."""
    command: Command | None = None

    def __post_init__(self) -> None:
        if self.command is None:
            object.__setattr__(self, "command", parse_command(self.text))


@value
class Message:
    """One row of the transcript. `seq` counts from 1 in its session, without gaps. `parts`: as in AI SDK's UIMessage."""

    id: MessageId
    session_id: SessionId
    user_id: UserId
    seq: int
    role: Role
    content: str
    parts: tuple[JsonObject, ...]
    channel: ChannelName
    turn_id: TurnId | None
    created_at: datetime
    edited_at: datetime | None = None
    deleted: bool = False
    changed_at: datetime | None = None
    """When it was last edited, deleted, hidden or brought back."""
    taken_back: bool = False
    """Deleted by nobody: answered anew, rewound, or rolled back for a newer message."""
    kind: MessageKind = "message"
    metadata: JsonObject = field(default_factory=dict)
    """The sender's data about this message."""


@value
class Session:
    """One conversation of one user, as listed."""

    session_id: SessionId
    user_id: UserId
    channel: ChannelName
    agent_name: AgentName
    title: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    last_message_at: datetime | None
    ended_at: datetime | None
    message_count: int
    metadata: JsonObject
    parent_session_id: SessionId | None
    last_seq: int = 0
    running: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What agent and client keep beside the transcript: shared knowledge, working notes, and whatever else describes it.

    `version` grows with every change; 0: never written.
    """

    blackboard: JsonObject = field(default_factory=dict)
    scratchpad: JsonNotes = field(default_factory=dict)
    attributes: JsonObject = field(default_factory=dict)
    version: int = 0


@value
class Turn:
    """A claimed turn: everything an agent needs and what fences its result.

    `messages`: the user messages to answer, in order (several when they were collected while another turn ran).
    `history`: what was said before, oldest first, the agent's last N turns; without apologies, unless the agent's settings
    ask for them.
    `attempt` counts from 1; `epoch` grows with every claim, and a result with an older one is dropped.
    """

    turn_id: TurnId
    chat_id: ChatId
    session_id: SessionId
    user_id: UserId
    agent: AgentName
    channel: ChannelName
    seq: int
    attempt: int
    epoch: int
    messages: tuple[Message, ...]
    history: Sequence[Message]
    deliver_to: tuple[Address, ...] = ()
    ends_session: bool = False
    cancel_requested: bool = False
    state: State | None = None
    """The session's state as this attempt found it, for agents with `state = true`; None for others."""
    agent_session: str | None = None
    """What the agent's own framework calls this conversation, once the agent has said so (`AgentSession`)."""
    metadata: JsonObject = field(default_factory=dict)
    """The session's metadata as this turn was claimed; each message has its own beside it. Data, never instructions."""

    def with_history(self, history: Sequence[Message]) -> Turn:
        """The same turn with that history; `dataclasses.replace` takes four times as long."""
        return Turn(
            self.turn_id,
            self.chat_id,
            self.session_id,
            self.user_id,
            self.agent,
            self.channel,
            self.seq,
            self.attempt,
            self.epoch,
            self.messages,
            history,
            self.deliver_to,
            self.ends_session,
            self.cancel_requested,
            self.state,
            self.agent_session,
            self.metadata,
        )

    @property
    def text(self) -> str:
        """What the user said, as one text."""
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a turn cost: the provider's tokens, and `cost` in US dollars, None where nobody knows the price."""

    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    cost: float | None = None

    def __add__(self, later: Usage) -> Usage:
        """Both together; the model is the later one's, if it says which."""
        known = [usage.cost for usage in (self, later) if usage.cost is not None]
        return Usage(
            self.input_tokens + later.input_tokens,
            self.output_tokens + later.output_tokens,
            later.model or self.model,
            sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a reply as a channel will send it. `markup`: formatting in the channel's own notation, opaque to the core."""

    text: str
    markup: str = ""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A chunk on its way. Items of one address leave one at a time, in order of `item_id`."""

    item_id: int
    address: Address
    chunk: Chunk
    attempts: int = 0


@value
class Reply:
    """What a turn came to. `status` completed, failed (then `content` is the apology) or cancelled.

    `error` is for operators, `error_class` for the user.
    """

    status: Literal["completed", "failed", "cancelled"]
    content: str
    parts: tuple[JsonObject, ...]
    usage: Usage | None = None
    error: str | None = None
    title: str | None = None
    chunks: tuple[tuple[Address, Chunk], ...] = field(default=())
    state_changes: tuple[tuple[StateSection, JsonNotes], ...] = ()
    """Keys to set in the session's state, each section once; None removes a key. A list takes the place of the section."""
    agent_session: str | None = None
    kind: MessageKind = "message"
    error_class: ErrorClass | None = None
