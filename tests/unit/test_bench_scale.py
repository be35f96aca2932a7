"""What the scale measurement compares: the same users with the same sessions, among few and among many."""

from __future__ import annotations

from itertools import islice

from bench.scale.plan import LONG, PROBES, SESSIONS_EACH, scale
from bench.scale.rows import message_lines, sayings, session_line, talks, word

PLAN = scale(sessions=100_000, messages=1_000_000, rounds=10, minutes=1)


def test_who_asks_has_the_same_sessions_at_every_size() -> None:
    """Otherwise the ratio would compare different answers."""
    asking = PROBES * SESSIONS_EACH
    assert list(talks(PLAN.small)) == list(islice(talks(PLAN.big), asking))


def test_the_sizes_are_about_as_asked() -> None:
    """The messages of all sessions but the long one, which comes first."""
    long, *others = talks(PLAN.big)
    assert (long.messages, len(others) + 1) == (LONG, 100_000)
    assert abs(sum(talk.messages for talk in others) - 1_000_000) < 20_000


def test_rows_are_lines_of_copy() -> None:
    """One value per column, and no character that COPY would misread."""
    talk = next(talks(PLAN.small))
    assert session_line(talk).count("\t") == 13
    line = next(message_lines(talk, sayings()))
    assert (line.count("\t"), line.count("\n"), "\\" in line) == (7, 1, False)


def test_words_are_all_different() -> None:
    """A word stands for its rank."""
    assert len({word(number) for number in range(50_000)}) == 50_000
