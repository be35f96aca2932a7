"""Users, sessions, messages, turns, addresses. Values only; `docs/glossary.md` defines each word."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, NewType, TypeAlias
from uuid import UUID

from gateway.core.values import value

UserId = NewType("UserId", str)
SessionId = NewType("SessionId", str)
"""Opaque, created by the server, unique over all users."""
ChatId = NewType("ChatId", UUID)
"""The key of `chat_sessions`; internal."""
MessageId = NewType("MessageId", str)
TurnId = NewType("TurnId", UUID)
"""Also the idempotency key an agent receives: the same for all attempts at the turn."""
ApprovalId = NewType("ApprovalId", UUID)
"""A question of an agent that its turn waits for."""
ReplicaId = NewType("ReplicaId", UUID)
AgentName = NewType("AgentName", str)
ChannelName = NewType("ChannelName", str)
"""One of the gateway's own channels below, or the name of a network in `channels/` or of an installed package."""
Route = NewType("Route", str)
"""Where in its channel a conversation takes place: `web:<agent>`, `<network>:<account>:<chat>:<topic>`. A user has one current
session per route.
"""
Address = NewType("Address", str)
"""Where a reply can be delivered to through the outbox: `<channel>:<the channel's own target>`."""

WEB = ChannelName("web")
SCHEDULED = ChannelName("scheduled")
TERMINAL = ChannelName("terminal")
API = ChannelName("api")
OWN_CHANNELS: tuple[ChannelName, ...] = (WEB, SCHEDULED, TERMINAL, API)
"""Channels that no reply is pushed to: clients read the rows or wait for the answer. `is_pushed` in SQL applies the same rule."""


def is_pushed(channel: str) -> bool:
    """Whether replies are pushed to the people of that channel, which makes it a network."""
    return channel not in OWN_CHANNELS


Role = Literal["user", "assistant"]
MessageKind = Literal["message", "apology", "note", "human", "answer"]
"""`apology`: the gateway's own text when the agent gave no answer; `note`: for operators only; `human`: an operator's reply; `answer`: a
user's answer to a question of the agent, in words.
"""
UserRole = Literal["user", "operator", "visitor"]
TurnStatus = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
"""`waiting`: for the answer to a question of the agent (`ApprovalRequest`)."""
Approvers = Literal["user", "operator"]
"""Who may answer an agent's questions: the session's user (and operators, who may act for any user), or operators only."""
MultitaskStrategy = Literal["enqueue", "interrupt", "rollback", "reject"]
"""What a second message during a turn does. `interrupt` cancels the turn and keeps its partial
reply, `rollback` removes question and answer.
"""

STATELESS = "stateless"
"""A metadata key: while it is true, the session is left out of lists. It marks an API call that names no session."""

StateSection = Literal["blackboard", "scratchpad", "attributes"]
STATE_SECTIONS: tuple[StateSection, ...] = ("blackboard", "scratchpad", "attributes")

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"
"""Data passed through unread: metadata, tool inputs and outputs, parts of messages."""
JsonNotes: TypeAlias = "JsonObject | list[JsonValue]"
"""The content of a section of the state: an object, or a list for the scratchpad only."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request. `origin`: the only Origin that a visitor's token is valid for.

    `ends`: when the credential ends, on the clock of `time.monotonic`, if the database says how long it has left; otherwise
    `expires_at` decides, by this machine's clock.
    """

    user_id: UserId
    role: UserRole
    origin: str | None = None
    expires_at: datetime | None = None
    ends: float | None = field(default=None, compare=False)

    def remaining_s(self) -> float | None:
        """Seconds until the credential ends; None: it never does."""
        if self.ends is not None:
            return self.ends - time.monotonic()
        return None if self.expires_at is None else (self.expires_at - datetime.now(UTC)).total_seconds()


@value
class Message:
    """One row of the transcript. `seq` counts from 1 in its session, without gaps. `parts`: see docs/glossary.md."""

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
    """Deleted by nobody: regenerated, rewound, or rolled back for a newer message."""
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
    """What agent and client keep beside the transcript: shared knowledge, working notes, and other data about the session.

    `version` grows with every change; 0: never written.
    """

    blackboard: JsonObject = field(default_factory=dict)
    scratchpad: JsonNotes = field(default_factory=dict)
    attributes: JsonObject = field(default_factory=dict)
    version: int = 0


def _is_answer(message: Message) -> bool:
    return message.role == "assistant" and message.kind == "message"


@dataclass(frozen=True, slots=True)
class Sender:
    """A person, as their channel or client describes them. `locale`: such as `de-AT`; `time_zone`: an IANA name. Empty: unknown."""

    name: str = ""
    locale: str = ""
    time_zone: str = ""

    @classmethod
    def of(cls, given: JsonObject) -> Sender:
        """Takes what is text and ignores the rest."""
        name, locale, time_zone = (
            said if isinstance(said := given.get(key), str) else "" for key in ("name", "locale", "time_zone")
        )
        return cls(name, locale, time_zone)


@value
class ApprovalAnswer:
    """The answer to an `ApprovalRequest`. `choice`: one of its choices; `text`: what was said beside it.

    `call_id`, `tool`, `input`, `resume`: as in the request. `answered_by`: None if nobody answered in time, so that the default counts.
    """

    approval_id: ApprovalId
    choice: str
    text: str = ""
    call_id: str = ""
    tool: str = ""
    input: JsonObject = field(default_factory=dict)
    resume: JsonValue = None
    answered_by: UserId | None = None


@value
class Turn:
    """A claimed turn: everything an agent needs, and what fences its result.

    `messages`: the user messages to answer, in order (several if they were collected while another turn ran).
    `history`: the agent's last N turns, oldest first; without apologies, unless the agent's settings ask for them.
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
    """The session's state when this attempt started, for agents with `state = true`; None for others."""
    agent_session: str | None = None
    """The id of this conversation in the agent's own framework, once the agent has reported it (`AgentSession`)."""
    metadata: JsonObject = field(default_factory=dict)
    """The session's metadata when this turn was claimed; each message has its own as well. Data, never instructions."""
    deadline: float | None = None
    """When this attempt is stopped, on the clock of `time.monotonic`; None outside of a gateway."""
    answers: tuple[ApprovalAnswer, ...] = ()
    """The answers to the questions that the agent has asked in this turn, in order; its latest call ended with the last one."""
    questions: int = 0
    """How many questions the agent has asked in this turn."""
    spent: Usage | None = None
    """What the turn had used when the agent asked the latest one."""

    def prepared(self, history: Sequence[Message], deadline: float) -> Turn:
        """Returns the same turn for an attempt; `dataclasses.replace` takes four times as long."""
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
            deadline,
            self.answers,
            self.questions,
            self.spent,
        )

    @property
    def counted_attempts(self) -> int:
        """How many attempts count against the limit: continuing after an answer is an attempt of its own, but not another try."""
        return self.attempt - self.questions

    @property
    def text(self) -> str:
        """The user's messages as one text."""
        return "\n\n".join(message.content for message in self.messages)

    @property
    def idempotency_key(self) -> str:
        """The same for all attempts at this turn; for providers that accept such a key."""
        return str(self.turn_id)

    @property
    def remaining_s(self) -> float:
        """Seconds until this attempt is stopped; infinite outside of a gateway."""
        return math.inf if self.deadline is None else self.deadline - time.monotonic()

    @property
    def unseen(self) -> Sequence[Message]:
        """What was said since this agent's latest answer: what a framework with conversations of its own does not know yet.

        Such as an operator's replies and messages whose turns failed; all of `history` before the first answer.
        """
        answers = (at for at in range(len(self.history), 0, -1) if _is_answer(self.history[at - 1]))
        return self.history[next(answers, 0) :]

    @property
    def sender(self) -> Sender:
        """Who wrote the latest message, as far as the channel or the client says: data, never instructions."""
        given = self.messages[-1].metadata.get("sender") if self.messages else None
        return Sender.of(given if isinstance(given, dict) else {})


MOST_MODELS = 32
"""Models of one turn that are counted apart; further ones count together …"""
FURTHER_MODELS = "other"
"""… under this name."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a turn cost: the provider's token counts, and `cost` in US dollars, None if the price is unknown.

    `cache_read_tokens`, `cache_write_tokens`: those of the input tokens that a provider's cache has at prices of their own.
    `models`: what each model has used, if there was more than one; `cost` is the sum of those that are known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    cost: float | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    models: tuple[Usage, ...] = ()

    def __add__(self, later: Usage) -> Usage:
        """Adds both up; the model is the later one's, if it names one."""
        model = later.model or self.model
        parts = [part if part.model else replace(part, model=model) for part in (*self.each(), *later.each())]
        return replace(summed(parts), model=model)

    def each(self) -> tuple[Usage, ...]:
        """What each model has used."""
        return self.models or (self,)


def summed(parts: Sequence[Usage]) -> Usage:
    """Adds up what models have used, at least one; the model is that of the last. Known and unknown costs stay apart."""
    kept: dict[tuple[str, bool], list[Usage]] = {}
    for part in parts:
        key = (part.model, part.cost is None)
        if key not in kept and len(kept) >= MOST_MODELS:
            key = (FURTHER_MODELS, part.cost is None)
        kept.setdefault(key, []).append(part)
    models = tuple(_sum(model, of_one) for (model, _), of_one in kept.items())
    return models[0] if len(models) == 1 else replace(_sum(parts[-1].model, models), models=models)


def _sum(model: str, parts: Sequence[Usage]) -> Usage:
    known = [part.cost for part in parts if part.cost is not None]
    return Usage(
        sum(part.input_tokens for part in parts),
        sum(part.output_tokens for part in parts),
        model,
        sum(known) if known else None,
        sum(part.cache_read_tokens for part in parts),
        sum(part.cache_write_tokens for part in parts),
    )
