"""No interleaving of statements, lost answers, kills and freezes breaks an invariant; each mechanism is needed."""

from __future__ import annotations

import pytest

from tests.model.cluster import Bounds
from tests.model.explorer import explore
from tests.model.leases import Rules

WHOLE = {
    "one message, two incidents": (Bounds(messages=1, incidents=2), 10_000),
    "a second message during the first turn": (Bounds(incidents=0), 50),
    "a second message that takes the first turn back": (Bounds(incidents=1, strategy="rollback"), 15_000),
    "a reply that is sent on": (Bounds(messages=1, incidents=2, pushes=True), 15_000),
    "two replies that are sent on": (Bounds(pushes=True, incidents=0), 100),
    "an interruption and a cancel": (Bounds(incidents=0, strategy="interrupt", cancels=1), 100),
    "two sessions in one batch": (Bounds(sessions=2, messages=1, incidents=0), 100),
    "three replicas": (Bounds(messages=1, replicas=3), 1_000),
}
BROKEN = {
    "deduplicates": (Bounds(messages=1), "I1"),
    "fences": (Bounds(messages=1), "I1"),
    "commits_first": (Bounds(messages=1), "I1"),
    "marks_last": (Bounds(messages=1, pushes=True), "I3"),
    "claims_next": (Bounds(incidents=0), "I5"),
    "steals": (Bounds(messages=1), "I5"),
    "renews": (Bounds(messages=1), "I6"),
    "numbers_under_lock": (Bounds(incidents=0), "I7"),
}


@pytest.mark.parametrize(("bounds", "at_least"), WHOLE.values(), ids=WHOLE)
def test_no_interleaving_breaks_a_promise(bounds: Bounds, at_least: int) -> None:
    """Every reachable state satisfies I1 to I7, and from each of them, everything can still be answered."""
    explored = explore(bounds)
    assert explored.wrong is None, "\n".join((explored.wrong, *explored.trail))
    assert explored.states > at_least


@pytest.mark.parametrize("mechanism", Rules._fields)
def test_without_a_mechanism_a_promise_breaks(mechanism: str) -> None:
    """With one mechanism removed, the explorer finds a violation and the path to it."""
    bounds, invariant = BROKEN[mechanism]
    explored = explore(bounds, Rules()._replace(**{mechanism: False}))
    assert explored.wrong is not None
    assert explored.wrong.startswith(invariant)
    assert explored.trail
