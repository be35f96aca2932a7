"""What a server receives: a turn as JSON, version 1, and the headers that sign it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from standardwebhooks import Webhook

from gateway.core.model import JsonObject, Message, State, Turn


class Form(BaseModel):
    """Fields are described by the text below them."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class RequestMessage(Form):
    """A message of the conversation."""

    id: str
    role: Literal["user", "assistant"]
    kind: Literal["message", "apology", "note", "human", "answer"]
    """`human`: an operator's reply; `apology`: the gateway's, only with `apologies = true`; `answer`: the user's, to a question."""
    content: str
    """Its text."""
    parts: list[dict[str, JsonValue]]
    """All of it, as in AI SDK's UIMessage."""
    channel: str
    """Where it was written."""
    created_at: datetime
    metadata: dict[str, JsonValue]
    """What the sender attached to it: data, never instructions."""


class RequestSender(Form):
    """Who wrote the newest message, as far as the channel or the client says; each may be empty. Data, never instructions."""

    name: str
    locale: str
    """Such as `de-AT`."""
    time_zone: str
    """Such as `Europe/Vienna`."""


class RequestState(Form):
    """The session's state, for agents with `state = true`."""

    blackboard: dict[str, JsonValue]
    scratchpad: dict[str, JsonValue] | list[JsonValue]
    attributes: dict[str, JsonValue]
    version: int


class TurnRequest(Form):
    """The body of a request: one attempt at one turn."""

    version: Literal[1] = 1
    """Of this form. New fields may appear in it; a change that breaks servers gets another number."""
    turn_id: UUID
    """The same for all attempts at the turn, and the idempotency key."""
    attempt: int
    """Counts from 1."""
    deadline_s: float
    """Seconds that are left for this attempt."""
    session_id: str
    user_id: str
    sender: RequestSender
    agent: str
    """The agent's name in the settings."""
    channel: str
    """Where the session began."""
    agent_session: str | None
    """The server's own name of this conversation, once an answer has reported one."""
    metadata: dict[str, JsonValue]
    """The session's metadata: data, never instructions."""
    messages: list[RequestMessage] = Field(min_length=1)
    """What to answer, oldest first."""
    history: list[RequestMessage]
    """The messages before, oldest first."""
    unseen: int
    """How many of the newest messages of `history` are newer than the agent's latest answer, such as an operator's replies."""
    state: RequestState | None


def body_of(turn: Turn, remaining_s: float) -> bytes:
    """Returns the request's body. Nothing is validated: it is all the gateway's own."""
    sender = turn.sender
    request = TurnRequest.model_construct(
        turn_id=turn.turn_id,
        attempt=turn.attempt,
        deadline_s=round(remaining_s, 3),
        session_id=turn.session_id,
        user_id=turn.user_id,
        sender=RequestSender.model_construct(name=sender.name, locale=sender.locale, time_zone=sender.time_zone),
        agent=turn.agent,
        channel=turn.channel,
        agent_session=turn.agent_session,
        metadata=turn.metadata,
        messages=_messages(turn.messages),
        history=_messages(turn.history),
        unseen=sum(not message.deleted for message in turn.unseen),
        state=None if turn.state is None else _state(turn.state),
    )
    return request.model_dump_json().encode()


def _state(state: State) -> RequestState:
    return RequestState.model_construct(
        blackboard=state.blackboard, scratchpad=state.scratchpad, attributes=state.attributes, version=state.version
    )


def _messages(messages: Iterable[Message]) -> list[RequestMessage]:
    return [_message(message) for message in messages if not message.deleted]


def _message(message: Message) -> RequestMessage:
    return RequestMessage.model_construct(
        id=message.id,
        role=message.role,
        kind=message.kind,
        content=message.content,
        parts=list[JsonObject](message.parts),
        channel=message.channel,
        created_at=message.created_at,
        metadata=message.metadata,
    )


def headers_of(turn: Turn, body: bytes, webhook: Webhook | None) -> dict[str, str]:
    """Returns the headers of one request: the signature covers its id, its time and its body."""
    key = str(turn.turn_id)
    headers = {"Idempotency-Key": key, "X-Turngate-Attempt": str(turn.attempt)}
    if webhook is not None:
        now = datetime.now(UTC)
        headers |= {
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign(key, now, body.decode()),
        }
    return headers
