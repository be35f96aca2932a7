"""What answers look like, for `/openapi.json`. Tests hold every real answer against these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from gateway.core.model import CHANNELS, MessageKind, MultitaskStrategy, TurnStatus, UserRole

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC.")]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Channel = Annotated[str, Field(json_schema_extra={"enum": list(CHANNELS)})]


class Answer(BaseModel):
    """An answer; its fields are all there, each time. More may come with later versions."""

    model_config = ConfigDict(strict=True, frozen=True)


class FieldFault(Answer):
    """What is wrong with one field."""

    place: str = Field(alias="in", description="`path`, `query string`, `body` or `headers`.")
    field: str
    message: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What happened, and what to do about it.")
    errors: list[FieldFault] = Field(default_factory=list, description="Field by field, where the input is to blame.")


class Me(Answer):
    """Who a token speaks for."""

    user_id: str
    role: UserRole
    expires_at: Instant | None


class SignedIn(Answer):
    """The token that a one-time code was traded for."""

    token: str
    user_id: str
    role: Literal["user", "operator"]
    expires_at: Instant


class Visitor(Answer):
    """An anonymous visitor's pass."""

    token: str
    user_id: str
    expires_at: Instant


class Token(Answer):
    """An API token as listed; the token itself is nowhere."""

    id: Id
    user_id: str
    name: str | None
    role: Literal["user", "operator"]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    revoked_at: Instant | None


class NewToken(Token):
    """A token that was just made. `token` is shown this once."""

    token: str


class Tokens(Answer):
    """A user's tokens."""

    tokens: list[Token]


class Session(Answer):
    """One conversation of a user with an agent."""

    session_id: str = Field(description="Made by the server, opaque.")
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
    """Where a session fits what was searched for; its title, where the first three are null."""

    message_id: str | None
    seq: int | None
    role: Literal["user", "assistant"] | None
    text: str = Field(description="An excerpt, plain text.")
    highlights: list[list[int]] = Field(
        description="Pairs: first and past-the-last offset in `text`, in UTF-16 code units, as JavaScript counts them."
    )


class ListedSession(Session):
    """A session of a list, and where it fits."""

    matches: list[Match] = Field(default_factory=list, description="With `q` only: at most three, the best first.")


class Sessions(Answer):
    """A page of the list."""

    sessions: list[ListedSession]
    total: int | None = Field(description="Null on pages behind a `cursor`.")
    total_is_exact: bool | None = Field(
        description="False where there may be more: a long list of all users' sessions is counted among the 5,000 with the latest activity, "
        "and a search counts what it found."
    )
    next_cursor: str | None = Field(description="Null on the last page.")


class Message(Answer):
    """A row of the transcript."""

    id: str
    session_id: str
    seq: int
    role: Literal["user", "assistant"]
    content: str
    parts: list[dict[str, object]] = Field(description="As in AI SDK's UIMessage.")
    channel: Channel
    turn_id: Id | None
    created_at: Instant
    edited_at: Instant | None
    deleted: bool
    kind: MessageKind = Field(
        description="`apology`: the gateway's own words where the agent gave no answer; `human`: an operator's reply."
    )
    metadata: dict[str, object] = Field(description="The sender's own data about this message.")
    taken_back: bool = Field(
        False, description="There and true for a tombstone that nobody made: answered anew, rewound or rolled back."
    )


class MessageVersion(Answer):
    """What a message was before a change."""

    version: int
    content: str
    parts: list[dict[str, object]]
    change: Literal["edit", "delete", "rewind"]
    changed_by: str
    changed_at: Instant


class MessageVersions(Answer):
    """All that a message has been; its newest text is in the transcript."""

    versions: list[MessageVersion]


class Messages(Answer):
    """A page of the transcript, ascending."""

    messages: list[Message]
    next_before_id: str | None = Field(description="Leads to the page before, as `before_id`; null on the oldest.")


class ActiveSession(Session):
    """The session to go on with, and its newest messages."""

    messages: list[Message]
    next_before_id: str | None


class MaybeActiveSession(RootModel[ActiveSession | None]):
    """Null when the last activity is longer ago than `sessions.resume_minutes`."""


class Sent(Answer):
    """A message that was taken in, and the reply, if there is one yet."""

    message: Message | None
    reply: Message | None
    turn_id: Id | None
    status: TurnStatus | None
    notice: str | None = Field(description="The answer to a chat command, which leaves no row.")


class MessageOrSent(RootModel[Message | Sent]):
    """The message as it is now; with `answer_again` what sending answers."""


class Agent(Answer):
    """Who answers."""

    name: str
    kind: str
    description: str | None
    is_default: bool


class AgentInDetail(Agent):
    """How an agent's turns are run, and how many sessions the caller has with it."""

    multitask_strategy: MultitaskStrategy
    collect: bool
    timeout_s: float
    history: int
    session_count: int


class Agents(Answer):
    """All agents, the default one first."""

    agents: list[Agent]


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Check(Answer):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str


class Readiness(Answer):
    """Whether the gateway can serve."""

    status: Literal["ready", "not ready"]
    checks: list[Check]
