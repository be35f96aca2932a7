"""When an agent that keeps failing may be called."""

from __future__ import annotations

from gateway.core.turns.breakers import Breaker


def test_one_turn_at_a_time_tries_an_agent_that_keeps_failing() -> None:
    """After the pause; the others wait for how it ends."""
    breaker = Breaker(failures=2, pause_s=30)
    breaker.failed_at(0)
    assert breaker.wait(1) == 0
    breaker.failed_at(2)
    assert breaker.wait(2) == 30
    assert breaker.wait(32) == 0
    assert breaker.wait(33) == 29


def test_a_failed_try_starts_another_pause() -> None:
    """As long as it fails, one turn per pause finds out."""
    breaker = Breaker(failures=1, pause_s=10)
    breaker.failed_at(0)
    assert breaker.wait(10) == 0
    breaker.failed_at(15)
    assert breaker.wait(16) == 9
    breaker.failed = 0
    assert breaker.wait(16) == 0
