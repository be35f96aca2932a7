"""The turn that an agent receives."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace

from gateway.core.model import Address, State
from tests.unit.agents.turns import message, turn


def test_a_turn_with_another_history_is_otherwise_the_same() -> None:
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
    )
    optional = [field.name for field in fields(full) if field.default is not MISSING]
    assert [name for name in optional if getattr(full, name) == getattr(usual, name)] == []
    history = (message(1, "user", "before"),)
    assert full.with_history(history) == replace(full, history=history)
