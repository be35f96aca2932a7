"""The messages of a conversation as Pydantic AI has them, and as the transcript does; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_ai import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, ModelResponse, TextPart, UserPromptPart

from gateway.core.content.tokens import estimated_tokens
from gateway.core.history import estimate
from gateway.core.model import Message, Turn
from gateway.core.ports.agent_data import LARGEST_DATA, AgentDatum

SEPARATOR = ",\n"
"""Between two messages of the JSON, and nowhere else: within one, a line break is escaped."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of a conversation a run starts with. `tokens`: None: any number."""

    turns: int
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in the library's own form. `lines`: the JSON that some of them were read from, by their `id`."""

    messages: Sequence[ModelMessage]
    lines: Mapping[int, str] = field(default_factory=dict)


def history_of(turn: Turn, base: AgentDatum | None, depth: Depth) -> Conversation:
    """Returns the messages before the ones to answer, the oldest turns left out.

    `base`: what the library knew after an earlier turn, in its own form. What the transcript contains besides is added as text: all of
    it without a base, otherwise the turns that were stopped or failed since, and replies that people have written.
    """
    if base is None:
        return Conversation(_as_text(turn.history))
    kept = _read(base.data)
    later, known = _later(turn.history, base), newest(kept.messages, depth.turns)
    if depth.tokens is not None:
        known = _fitted(known, depth.tokens - estimate(later))
    return Conversation([*known, *_as_text(later)], kept.lines)


def newest(messages: Sequence[ModelMessage], turns: int) -> list[ModelMessage]:
    """Returns the messages of the last turns: each begins with what a user said."""
    starts = _starts(messages)
    if len(starts) <= turns:
        return list(messages)
    return list(messages[starts[-turns] :]) if turns else []


def _starts(messages: Sequence[ModelMessage]) -> list[int]:
    return [place for place, message in enumerate(messages) if _is_said_by_user(message)]


def _fitted(messages: Sequence[ModelMessage], tokens: int) -> list[ModelMessage]:
    end = len(messages)
    for start in reversed(_starts(messages)):
        tokens -= _size(messages[start:end])
        if tokens < 0:
            break
        end = start
    return list(messages[end:])


def _size(turn: Sequence[ModelMessage]) -> int:
    """The tokens of one turn: as its model counted them, which includes the instructions each time; otherwise by estimate."""
    used = [message.usage for message in turn if isinstance(message, ModelResponse)]
    if not used or not all(usage.input_tokens for usage in used):
        return sum(map(_estimate, turn))
    return _estimate(turn[0]) + used[-1].input_tokens + used[-1].output_tokens - used[0].input_tokens


def _estimate(message: ModelMessage) -> int:
    return estimated_tokens("".join(str(getattr(part, "content", getattr(part, "args", ""))) for part in message.parts))


def turns_in(messages: Sequence[ModelMessage]) -> int:
    """Returns how many turns these messages are of."""
    return sum(map(_is_said_by_user, messages))


def written(conversation: Conversation, turns: int, most: int = LARGEST_DATA) -> str | None:
    """Returns the last turns as JSON, fewer if they would be too large to keep; None if even one is.

    `most`: bytes. A message that was only read is not serialized again, so a turn costs little more in a long conversation.
    """
    while chosen := newest(conversation.messages, turns):
        data = f"[{SEPARATOR.join(conversation.lines.get(id(message)) or _line(message) for message in chosen)}]"
        if len(data.encode()) <= most:
            return data
        turns = turns_in(chosen) // 2
    return None


def _line(message: ModelMessage) -> str:
    return ModelMessagesTypeAdapter.dump_json([message])[1:-1].decode()


def _read(data: str) -> Conversation:
    messages = ModelMessagesTypeAdapter.validate_json(data)
    lines = data[1:-1].split(SEPARATOR)
    return Conversation(
        messages, dict(zip(map(id, messages), lines, strict=False)) if len(lines) == len(messages) else {}
    )


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
