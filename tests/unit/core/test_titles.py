"""Titles from the first exchange."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.titles.titles import TITLE_LIMIT, title_from


def test_a_short_text_is_its_own_title() -> None:
    """White space of any kind becomes one space."""
    assert title_from("  What is\n a   heron? ") == "What is a heron?"


def test_a_long_text_is_cut_between_words() -> None:
    """With an ellipsis, and without a trailing comma."""
    title = title_from("Please explain the difference between a heron, an egret and a bittern to me")
    assert title == "Please explain the difference between a heron, an egret and…"


def test_a_blank_text_has_no_title() -> None:
    """There is nothing to name it by."""
    assert title_from(" \n ") is None


@given(st.text())
def test_a_title_keeps_its_limit(text: str) -> None:
    """Whatever the text is."""
    assert len(title_from(text) or "") <= TITLE_LIMIT
