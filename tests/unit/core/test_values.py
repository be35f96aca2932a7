"""Values that only mypy keeps frozen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.values import value


@value
class Place:
    """A value class like the core's."""

    name: str
    number: int = 1


def test_values_are_compared_hashed_and_replaced_by_their_fields() -> None:
    """Like frozen dataclasses; they accept no other attributes."""
    here = Place("here")
    assert here == Place("here", 1)
    assert {here: "found"}[Place("here")] == "found"
    assert replace(here, number=2) == Place("here", 2)
    with pytest.raises(AttributeError):
        here.colour = "red"  # type: ignore[attr-defined] # slots
