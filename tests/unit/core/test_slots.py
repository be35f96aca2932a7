"""How many things somebody may have open."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gateway.core.limits.slots import Slots
from gateway.errors import TooManyRequests


def test_there_are_so_many_for_each() -> None:
    """One more is refused by name."""
    slots = Slots(2, "limits.streams_per_user")
    with ExitStack() as stack:
        for name in ("ann", "ann", "bob"):
            stack.enter_context(slots.held(name))
        with pytest.raises(TooManyRequests, match=r"limits\.streams_per_user allows 2"):
            stack.enter_context(slots.held("ann"))


def test_they_come_back() -> None:
    """Also from a block that fails; nothing is remembered of who has none."""
    slots = Slots(1, "a")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slots.held("ann"):
            raise ZeroDivisionError
    assert len(slots) == 0


def test_a_refusal_takes_none() -> None:
    """Who was refused does not keep the others out."""
    slots = Slots(1, "a")
    with ExitStack() as stack:
        stack.enter_context(slots.held("ann"))
        with pytest.raises(TooManyRequests):
            stack.enter_context(slots.held("ann"))
    with slots.held("ann"):
        assert len(slots) == 1


def test_there_may_be_no_limit() -> None:
    """None."""
    slots = Slots(None, "a")
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(slots.held("ann"))
        assert len(slots) == 1
