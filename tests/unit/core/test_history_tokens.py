"""A history that is limited in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from gateway.agents.langgraph.agent import LangGraphAgent
from gateway.agents.python.agent import PythonAgent
from gateway.agents.python.target import load_target
from gateway.core.history import estimate, fitted, in_turns
from gateway.core.model import AgentName, Message, TurnId
from gateway.core.ports.agents import Counting, TurnTerms
from gateway.core.turns.histories import history_for
from gateway.errors import AgentError
from tests.unit.agents.turns import message, turn

HERE = "tests.unit.core.counting_agents"
TALK = turn("one", "first", "two", "second", "three", "third", "and now?")


def words(messages: Sequence[Message]) -> int:
    """A count that is easy to follow."""
    return sum(len(message.content.split()) for message in messages)


def texts(messages: Sequence[Message]) -> list[str]:
    """What was said."""
    return [message.content for message in messages]


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (6, ["one", "first", "two", "second", "three", "third"]),
        (5, ["two", "second", "three", "third"]),
        (2, ["three", "third"]),
        (1, []),
        (0, []),
    ],
)
def test_whole_turns_are_left_out_the_oldest_first(tokens: int, told: list[str]) -> None:
    """Never half a turn, and never a gap between turns."""
    assert texts(fitted(TALK.history, tokens, words)) == told


def test_a_large_turn_hides_the_ones_before_it() -> None:
    """An older turn that would fit is left out as well: a conversation has no holes."""
    said = turn("one", "first", "a much longer question", "second", "three", "third", "now")
    assert texts(fitted(said.history, 4, words)) == ["three", "third"]


def test_deleted_messages_do_not_count() -> None:
    """They leave room for others."""
    history = [*TALK.history[:2], message(3, "user", "many words that are gone", deleted=True), *TALK.history[4:]]
    assert texts(fitted(history, 4, words)) == ["one", "first", "three", "third"]


def test_collected_messages_and_an_operators_reply_belong_to_one_turn() -> None:
    """What was answered together is left out together."""
    one = TurnId(UUID(int=1))
    rows = [
        replace(message(1, "user", "a"), turn_id=one),
        replace(message(2, "user", "b"), turn_id=one),
        replace(message(3, "assistant", "c"), turn_id=one),
        replace(message(4, "assistant", "d"), kind="human"),
        message(5, "user", "e"),
    ]
    assert [texts(group) for group in in_turns(rows)] == [["a", "b", "c", "d"], ["e"]]


def test_nothing_is_counted_before_an_agent_reads_it() -> None:
    """Many agents never read the history."""
    counted: list[int] = []

    def count(messages: Sequence[Message]) -> int:
        counted.append(len(messages))
        return 1

    told = fitted(TALK.history, 2, count)
    assert counted == []
    assert len(told) == 4
    assert counted == [2, 2, 2]


@dataclass
class Uncounted:
    """An agent that must not be asked."""

    asked: list[int] = field(default_factory=list)

    def run(self, turn: object) -> object:
        raise AssertionError(turn)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        self.asked.append(len(messages))
        return 0


def test_without_the_setting_nobody_counts() -> None:
    """The history stays as it is."""
    agent = Uncounted()
    assert len(history_for(agent, TALK, TurnTerms())) == 6  # type: ignore[arg-type]
    assert agent.asked == []


def test_an_objects_own_method_counts() -> None:
    """For agents of kind `python`; a function has none, so its history is estimated."""
    own = PythonAgent(AgentName("a"), load_target(AgentName("a"), f"{HERE}:Own"))
    assert texts(history_for(own, TALK, TurnTerms(history_tokens=4))) == ["two", "second", "three", "third"]
    plain = PythonAgent(AgentName("a"), load_target(AgentName("a"), f"{HERE}:plain"))
    assert plain.count_tokens(TALK.history) == estimate(TALK.history)


def test_a_count_that_is_no_number_says_so() -> None:
    """Such as that of an `async` method."""
    wrong = PythonAgent(AgentName("a"), load_target(AgentName("a"), f"{HERE}:Wrong"))
    told = history_for(wrong, TALK, TurnTerms(history_tokens=4))
    with pytest.raises(AgentError, match="count_tokens returned str; it should return an int"):
        len(told)


def test_langchain_counts_for_its_graphs() -> None:
    """A turn of two short messages is more than nothing, and less than the gateway's cautious estimate."""
    counted = LangGraphAgent.count_tokens(object(), TALK.history[:2])  # type: ignore[arg-type]
    assert 0 < counted < estimate(TALK.history[:2])
    assert issubclass(LangGraphAgent, Counting)
