"""Token buckets."""

from __future__ import annotations

import pytest

from gateway.core.limits.rates import Rates
from gateway.errors import TooManyRequests


class Clock:
    """A clock set by the test; seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The test's clock."""
    return Clock()


def test_a_burst_passes_and_the_next_waits(clock: Clock) -> None:
    """Twenty a minute: twenty at once, then one every three seconds."""
    rates = Rates(20, clock=clock)
    assert [rates.take("ann") for _ in range(20)] == [0.0] * 20
    assert rates.take("ann") == pytest.approx(3.0)
    clock.now += 3.0
    assert rates.take("ann") == 0.0
    assert rates.take("ann") > 0


def test_a_refused_token_costs_nothing(clock: Clock) -> None:
    """A client that asks too often does not wait longer for it."""
    rates = Rates(60, burst=1, clock=clock)
    rates.take("ann")
    assert [rates.take("ann") for _ in range(5)] == pytest.approx([1.0] * 5)


def test_late_tokens_count_by_their_own_time(clock: Clock) -> None:
    """In whatever order those of several keys come."""
    rates = Rates(1, clock=clock)
    assert [rates.take("ann", 60 * number) for number in range(3)] == [0.0] * 3
    assert rates.take("bob", 0) == 0.0
    assert rates.take("ann", 600) == 0.0
    assert rates.take("bob", 0) > 0


def test_keys_are_independent(clock: Clock) -> None:
    """One user's flood affects nobody else."""
    rates = Rates(1, clock=clock)
    rates.take("ann")
    assert rates.take("ann") > 0
    assert rates.take("bob") == 0.0


def test_check_says_when_to_try_again(clock: Clock) -> None:
    """The error includes the seconds."""
    rates = Rates(1, clock=clock)
    rates.check("ann")
    with pytest.raises(TooManyRequests, match="60 s") as raised:
        rates.check("ann")
    assert raised.value.retry_after == pytest.approx(60)


def test_memory_is_bounded(clock: Clock) -> None:
    """The key that was idle longest is forgotten first."""
    rates = Rates(1, clock=clock, capacity=3)
    for key in "abcd":
        rates.take(key)
    assert len(rates._full_at) == 3
    assert rates.take("a") == 0.0
    assert rates.take("d") > 0


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    """A bucket that is full again needs no memory."""
    rates = Rates(60, clock=clock)
    for number in range(100):
        rates.take(str(number))
        clock.now += 10
    assert len(rates._full_at) <= 2
