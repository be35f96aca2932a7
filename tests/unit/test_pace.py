"""What a test run reports about its machine."""

from __future__ import annotations

from tests.pace import SLOW, remark, slowness


def test_a_slow_machine_is_named() -> None:
    """How slow, in one line; a fast machine gets no line."""
    assert "3.0 times as long as usual" in (remark(3.0) or "")
    assert remark(SLOW - 0.1) is None


def test_the_pace_is_measured() -> None:
    """It is a factor, on any machine."""
    assert slowness() > 0
