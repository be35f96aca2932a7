"""The messages of a conversation as Pydantic AI has them, and as the transcript does; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic_ai import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, ModelResponse, TextPart, UserPromptPart

from gateway.core.model import Message, Turn
from gateway.core.ports.agent_data import LARGEST_DATA, AgentDatum


def history_of(turn: Turn, base: AgentDatum | None, turns: int) -> list[ModelMessage]:
    """Returns the messages before the ones to answer, of at most that many turns.

    `base`: what the library knew after an earlier turn, in its own form. What the transcript contains besides is added as text: all of
    it without a base, otherwise the turns that were stopped or failed since, and replies that people have written.
    """
    if base is None:
        return _as_text(turn.history)
    return [*newest(_read(base.data), turns), *_as_text(_later(turn.history, base))]


def newest(messages: Sequence[ModelMessage], turns: int) -> list[ModelMessage]:
    """Returns the messages of the last turns: each begins with what a user said."""
    starts = [place for place, message in enumerate(messages) if _is_said_by_user(message)]
    if len(starts) <= turns:
        return list(messages)
    return list(messages[starts[-turns] :]) if turns else []


def turns_in(messages: Sequence[ModelMessage]) -> int:
    """Returns how many turns these messages are of."""
    return sum(map(_is_said_by_user, messages))


def written(messages: Sequence[ModelMessage], turns: int) -> str | None:
    """Returns the last turns as JSON, fewer if they would be too large to keep; None if even one is."""
    while chosen := newest(messages, turns):
        data = ModelMessagesTypeAdapter.dump_json(chosen)
        if len(data) <= LARGEST_DATA:
            return data.decode()
        turns = turns_in(chosen) // 2
    return None


def _read(data: str) -> list[ModelMessage]:
    return ModelMessagesTypeAdapter.validate_json(data)


def _is_said_by_user(message: ModelMessage) -> bool:
    return isinstance(message, ModelRequest) and any(isinstance(part, UserPromptPart) for part in message.parts)


def _later(history: Sequence[Message], base: AgentDatum) -> list[Message]:
    """The messages of turns that began after that of the base. Those of no turn were written by people, or copied by a fork."""
    begins: dict[object, int] = {}
    for message in history:
        begins.setdefault(message.turn_id or message.seq, message.seq)
    return [message for message in history if begins[message.turn_id or message.seq] > base.seq]


def _as_text(messages: Iterable[Message]) -> list[ModelMessage]:
    return [_message(message) for message in messages if message.content and not message.deleted]


def _message(message: Message) -> ModelMessage:
    if message.role == "user":
        return ModelRequest(parts=[UserPromptPart(message.content, timestamp=message.created_at)])
    return ModelResponse(parts=[TextPart(message.content)], timestamp=message.created_at)
