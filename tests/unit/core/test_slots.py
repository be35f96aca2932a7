"""How many things a user may have open."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gateway.core.limits.slots import Slots
from gateway.errors import TooManyRequests


def test_slots_are_limited_per_key() -> None:
    """The error for one more names the setting."""
    slots = Slots(2, "limits.streams_per_user")
    with ExitStack() as stack:
        for name in ("ann", "ann", "bob"):
            stack.enter_context(slots.held(name))
        with pytest.raises(TooManyRequests, match=r"limits\.streams_per_user allows 2"):
            stack.enter_context(slots.held("ann"))


def test_slots_are_returned() -> None:
    """Even after a block that fails; keys without slots are forgotten."""
    slots = Slots(1, "a")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.held("ann"):
            raise ZeroDivisionError
    assert len(slots) == 0


def test_a_refusal_uses_no_slot() -> None:
    """A refused key does not use up a slot."""
    slots = Slots(1, "a")
    with ExitStack() as stack:
        stack.enter_context(slots.held("ann"))
        with pytest.raises(TooManyRequests):
            stack.enter_context(slots.held("ann"))
    with slots.held("ann"):
        assert len(slots) == 1


def test_without_a_limit_nothing_is_refused() -> None:
    """With None."""
    slots = Slots(None, "a")
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(slots.held("ann"))
        assert len(slots) == 1
