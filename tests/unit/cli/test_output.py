"""How the command line prints times and users' texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli.output import ago, printable

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(minutes=-19.99), "in 20 min"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=-40), "in 40 d"),
    ],
)
def test_a_time_is_shown_as_its_distance_from_now(distance: timedelta, words: str) -> None:
    """Rounded, in the largest unit that fits."""
    assert ago(NOW - distance, NOW) == words


def test_no_time_is_a_dash() -> None:
    """For tokens never used and schedules that never fire."""
    assert ago(None) == "–"


def test_foreign_texts_cannot_steer_the_terminal() -> None:
    """Escape sequences and line breaks become spaces."""
    assert printable("a\x1b[31mb\nc") == "a [31mb c"
