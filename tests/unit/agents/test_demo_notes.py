"""The demo agent's instructions for notes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.agents.demo.agent import DemoAgent
from gateway.agents.demo.instructions import read_instruction
from gateway.core.events import StateChange, TextDelta
from gateway.core.model import State
from tests.unit.agents.turns import turn


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("note: buy milk", "buy milk"),
        ("  Please note: call Ann, then Bob. Or wait 3 seconds!", "call Ann, then Bob. Or wait 3 seconds!"),
        ("NOTE:\nfirst\nsecond", None),
        ("note:", None),
        ("Take note: this is talk", None),
    ],
)
def test_a_note_is_everything_after_the_word(text: str, note: str | None) -> None:
    """The text is taken word for word, even if it looks like another instruction."""
    instruction = read_instruction(text)
    assert (instruction.note or None) == note
    assert (instruction.topic == "note") == (note is not None)


@pytest.mark.parametrize("text", ["my notes", "What are my notes?", "please show me my notes", "list all my notes"])
def test_notes_are_asked_for_in_plain_words(text: str) -> None:
    """The request has to be a clause of its own."""
    assert read_instruction(text).topic == "notes"


async def test_without_a_state_nothing_is_noted() -> None:
    """The answer says which setting is needed."""
    events = [event async for event in DemoAgent().run(turn("note: buy milk"))]
    assert all(isinstance(event, TextDelta) for event in events)
    assert "`state = true`" in "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize(("kept", "notes"), [(["a"], ["a", "b"]), ("odd", ["b"])])
async def test_a_note_joins_those_before(kept: Any, notes: Any) -> None:
    """Even if the scratchpad has something else where notes should be."""
    asked = replace(turn("note: b"), state=State(scratchpad={"notes": kept}))
    assert await anext(DemoAgent().run(asked)) == StateChange("scratchpad", {"notes": notes})
