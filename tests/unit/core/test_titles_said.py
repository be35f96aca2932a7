"""Titles as agents say them."""

from __future__ import annotations

import pytest

from gateway.core.titles import TITLE_LIMIT, title_said


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Holiday plans", "Holiday plans"),
        ('"Holiday plans"', "Holiday plans"),
        ("“Holiday plans.”", "Holiday plans"),
        ("Title: Holiday plans", "Holiday plans"),
        ("**Holiday plans**", "Holiday plans"),
        ("# Holiday plans\n\nBecause you asked about holidays.", "Holiday plans"),
        ("\n\n  Holiday \t plans  \n", "Holiday plans"),
        ("What now?", "What now?"),
        ("And then...", "And then..."),
        ("bell\u0007 and \u202eflip", "bell and flip"),
        ("", None),
        (' \n"" \n', None),
    ],
)
def test_only_the_title_is_left(said: str, title: str | None) -> None:
    """M-5: without quotes, labels, other lines, or what would steer a terminal."""
    assert title_said(said) == title


def test_a_long_one_is_cut() -> None:
    """Between words."""
    title = title_said("word " * 100) or ""
    assert len(title) <= TITLE_LIMIT
    assert title.endswith("word…")
