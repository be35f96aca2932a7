"""Pauses grow, vary, and have a maximum."""

from channels.telegram.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    """Each is between half of the doubled pause and all of it."""
    backoff = Backoff(first=1.0, longest=30.0)
    waits = [backoff.next() for _ in range(8)]
    for wait, ceiling in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert ceiling / 2 <= wait <= ceiling


def test_a_success_begins_anew() -> None:
    """The next failure is retried quickly again."""
    backoff = Backoff(first=1.0)
    for _ in range(50):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0
