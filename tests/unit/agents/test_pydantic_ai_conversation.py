"""What agents of kind `pydantic_ai` keep of a conversation, and read again."""

from __future__ import annotations

import pytest
from pydantic_ai import ModelMessage, ModelMessagesTypeAdapter, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.usage import RequestUsage

from gateway.agents.pydantic_ai.conversation import Conversation, Depth, history_of, newest, turns_in, written
from gateway.core.ports.agent_data import AgentDatum
from tests.unit.agents.turns import WHEN, turn

ALL = Depth(20)


def talk(*texts: str) -> list[ModelMessage]:
    """A conversation in the library's form."""
    messages: list[ModelMessage] = []
    for text in texts:
        messages.append(ModelRequest(parts=[UserPromptPart(text, timestamp=WHEN)], timestamp=WHEN))
        messages.append(ModelResponse(parts=[TextPart(f"You said {text}")], timestamp=WHEN))
    return messages


def read(data: str, depth: Depth = ALL) -> Conversation:
    """What a later turn begins with."""
    return history_of(turn("now"), AgentDatum(data, 1, None), depth)


@pytest.mark.parametrize("text", ["plain", 'a ",\n" b', "[],\n[]", "\u2028\x00,\n", ""])
def test_messages_come_back_as_they_were(text: str) -> None:
    """Whatever they contain: the JSON is the library's own, with a line for each message."""
    messages = talk(text, "second")
    data = written(Conversation(messages), 20)
    assert data is not None
    assert ModelMessagesTypeAdapter.validate_json(data) == messages
    known = read(data)
    assert known.messages == messages
    assert len(known.lines) == 4


def test_a_message_that_was_only_read_is_not_serialized_again() -> None:
    """So a turn in a long conversation costs little more than the first; new messages follow the known ones."""
    data = written(Conversation(talk("one")), 20)
    assert data is not None
    known = read(data)
    marked = {place: line.replace("one", "ONE") for place, line in known.lines.items()}
    later = written(Conversation([*known.messages, *talk("two")], marked), 20)
    assert later is not None
    assert later.count("ONE") == 2
    assert ModelMessagesTypeAdapter.validate_json(later)[2:] == talk("two")


def test_older_turns_are_left_out_whole() -> None:
    """A turn begins with what its user said."""
    assert newest(talk("one", "two", "three"), 2) == talk("two", "three")
    assert newest(talk("one"), 0) == []
    assert turns_in(newest(talk("one", "two"), 5)) == 2


def test_what_is_too_large_is_kept_in_part() -> None:
    """Half of the turns, and so on; nothing if even the last turn is too large."""
    one = written(Conversation(talk("four")), 1)
    assert one is not None
    most = len(one) + 10
    assert written(Conversation(talk("one", "two", "three", "four")), 20, most) == one
    assert written(Conversation(talk("x" * 1_000)), 20, most) is None


def counted(*sizes: tuple[str, int, int]) -> list[ModelMessage]:
    """Turns whose provider reported tokens of input and output."""
    messages = talk(*(text for text, _, _ in sizes))
    for answer, (_, given, made) in zip(messages[1::2], sizes, strict=True):
        assert isinstance(answer, ModelResponse)
        answer.usage = RequestUsage(input_tokens=given, output_tokens=made)
    return messages


@pytest.mark.parametrize(("tokens", "left"), [(10_000, 3), (1_000, 2), (500, 1), (10, 0)])
def test_turns_have_as_many_tokens_as_their_provider_counted(tokens: int, left: int) -> None:
    """An answer's own tokens count, and its question by estimate; what the model was given before it counts only once."""
    messages = counted(("one", 5_000, 1_000), ("two", 6_000, 300), ("three", 7_000, 200))
    data = written(Conversation(messages), 20)
    assert data is not None
    assert turns_in(read(data, Depth(20, tokens)).messages) == left


@pytest.mark.parametrize(("tokens", "left"), [(10_000, 2), (30, 1), (0, 0)])
def test_turns_without_a_count_are_estimated(tokens: int, left: int) -> None:
    """By their text, and what was passed to tools."""
    data = written(Conversation(talk("one", "two")), 20)
    assert data is not None
    assert turns_in(read(data, Depth(20, tokens)).messages) == left
