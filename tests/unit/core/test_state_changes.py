"""An agent's changes to the state: later ones win, and invalid ones are skipped."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.events import StateChange
from gateway.core.state.changes import StateChanges


def gathered(*changes: StateChange, limit: int = 1_000) -> StateChanges:
    """These changes, added in order."""
    gatherer = StateChanges(limit)
    for change in changes:
        gatherer.add(change)
    return gatherer


def test_each_section_comes_once() -> None:
    """Keys of several changes together, with the latest value of each."""
    changes = gathered(
        StateChange("scratchpad", {"a": 1, "b": 1}),
        StateChange("blackboard", {"a": None}),
        StateChange("scratchpad", {"b": 2}),
    )
    assert changes.gathered() == (("scratchpad", {"a": 1, "b": 2}), ("blackboard", {"a": None}))
    assert changes.refused is None


def test_a_list_takes_the_place_of_the_scratchpad() -> None:
    """It replaces keys set before it, and none can be set after it."""
    changes = gathered(StateChange("scratchpad", {"a": 1}), StateChange("scratchpad", [1, "b\0"]))
    assert changes.gathered() == (("scratchpad", [1, "b"]),)
    changes.add(StateChange("scratchpad", {"a": 1}))
    assert changes.gathered() == (("scratchpad", [1, "b"]),)
    assert "pass the whole list" in (changes.refused or "")


def test_values_become_what_json_has() -> None:
    """Tuples become lists, keys become text; NUL and unpaired surrogates, which Postgres cannot store, are removed."""
    odd: Any = {1: (2, 3), "a\0": "b\0\ud800"}
    assert gathered(StateChange("attributes", odd)).gathered() == (("attributes", {"1": [2, 3], "a": "b\ufffd"}),)


def nested(levels: int) -> Any:
    """Nested lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("section", "values", "reason"),
    [
        ("notes", {}, "not a section"),
        ("blackboard", [1], "should be a dict"),
        ("scratchpad", "note", "should be a dict"),
        ("scratchpad", {"a": object()}, "not JSON serializable"),
        ("scratchpad", {"a": float("nan")}, "not JSON compliant"),
        ("scratchpad", {"a": 2**64}, "64 bits"),
        ("scratchpad", {"a": nested(40)}, "32 levels"),
        ("scratchpad", {"a": nested(100_000)}, "recursion"),
        ("scratchpad", {"a": "x" * 2_000}, "max_state"),
    ],
)
def test_what_cannot_be_kept_is_left_out(section: Any, values: Any, reason: str) -> None:
    """The other changes stay."""
    changes = gathered(StateChange("scratchpad", {"kept": 1}), StateChange(section, values))
    assert changes.gathered() == (("scratchpad", {"kept": 1}),)
    assert reason in (changes.refused or "")


def test_many_small_changes_have_one_limit() -> None:
    """An agent that never stops writing does not fill the memory."""
    changes = gathered(*(StateChange("scratchpad", {f"key{n}": n}) for n in range(1_000)), limit=200)
    assert len(changes.gathered()[0][1]) < 20
    assert "max_state" in (changes.refused or "")
