"""The turn that an agent receives."""

from __future__ import annotations

import math
import time
from dataclasses import MISSING, fields, replace
from uuid import uuid4

from gateway.core.model import Address, ApprovalAnswer, ApprovalId, Sender, State, Usage
from tests.unit.agents.turns import message, turn


def test_a_turn_prepared_for_an_attempt_is_otherwise_the_same() -> None:
    """Checks every field, including those that nearly always hold their defaults."""
    usual = turn("hello")
    full = replace(
        usual,
        deliver_to=(Address("telegram:1"),),
        ends_session=True,
        cancel_requested=True,
        state=State(version=3),
        agent_session="thread",
        metadata={"plan": "gold"},
        deadline=12.5,
        answers=(ApprovalAnswer(ApprovalId(uuid4()), "Allow"),),
        questions=1,
        spent=Usage(1, 2),
    )
    optional = [field.name for field in fields(full) if field.default is not MISSING]
    assert [name for name in optional if getattr(full, name) == getattr(usual, name)] == []
    history = (message(1, "user", "before"),)
    assert full.prepared(history, 20.0) == replace(full, history=history, deadline=20.0)


def test_unseen_is_what_came_after_the_agents_latest_answer() -> None:
    """An operator's reply and a question whose turn failed are new to the agent's framework."""
    before = (message(1, "user", "hello"), message(2, "assistant", "hi"), message(3, "user", "lost"))
    human = replace(message(4, "assistant", "I am a person."), kind="human")
    asked = replace(turn("and now?"), history=(*before, human))
    assert [seen.content for seen in asked.unseen] == ["lost", "I am a person."]
    assert replace(asked, history=before[:1]).unseen == before[:1]
    assert replace(asked, history=()).unseen == ()


def test_the_sender_is_who_the_channel_says() -> None:
    """Whatever else a client puts there is ignored."""
    said = replace(message(1, "user", "hello"), metadata={"sender": {"name": "Mia", "locale": "de-AT", "time_zone": 7}})
    assert replace(turn("hello"), messages=(said,)).sender == Sender("Mia", "de-AT", "")
    assert turn("hello").sender == Sender()


def test_the_remaining_time_is_that_of_the_attempt() -> None:
    """Outside of a gateway there is no limit."""
    assert turn("hello").remaining_s == math.inf
    assert 0 < turn("hello").prepared((), time.monotonic() + 60).remaining_s <= 60
