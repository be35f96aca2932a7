"""Excerpts and their highlights."""

from __future__ import annotations

import pytest

from gateway.core.search.excerpts import LONGEST, excerpt, similarity


def marked(text: str, wanted: str) -> list[str]:
    """The highlighted pieces, sliced as JavaScript would."""
    shown = excerpt(text, wanted)
    units = shown.text.encode("utf-16-le")
    return [units[2 * first : 2 * last].decode("utf-16-le") for first, last in shown.highlights]


@pytest.mark.parametrize(
    ("text", "wanted", "highlights"),
    [
        ("The quick brown fox", "quick", ["quick"]),
        ("The QUICK brown fox", "brown Quick", ["QUICK", "brown"]),
        ("Berlin, then Bergen", "ber", ["Berlin", "Bergen"]),
        ("Berlin, then Bergen", "ber then", ["then"]),
        ("a foo-bar here", "foo-ba", ["foo", "bar"]),
        ("😀 party 🎉 at noon", "party noon", ["party", "noon"]),
        ("what 🎉🎉 joy", "🎉", ["🎉", "🎉"]),
        ("今天天气很好", "天气", ["天气"]),
        ("costs 5 % (net)", "% (", ["% ("]),
        ("you will receive it", "recieve", ["receive"]),
        ("nothing of the kind", "zzz", []),
        ("", "zzz", []),
    ],
)
def test_what_is_highlighted(text: str, wanted: str, highlights: list[str]) -> None:
    """Whole words, the last one as a prefix; otherwise the text as typed; otherwise similar words."""
    assert marked(text, wanted) == highlights


@pytest.mark.parametrize("place", [0, 30, 150, 900, 1_990])
def test_a_long_text_is_cut_around_the_first_match(place: int) -> None:
    """At most 200 characters of plain text, with ellipses where something is left out."""
    words = ["word"] * 2_000
    words[place] = "needle"
    shown = excerpt(" ".join(words), "needle")
    assert len(shown.text) <= LONGEST
    assert marked(" ".join(words), "needle") == ["needle"]
    assert shown.text.endswith("…") == (place < 1_990)
    assert shown.text.startswith("…") == (place > 12)


def test_a_text_that_was_cut_before_says_so() -> None:
    """The offsets include the ellipsis."""
    shown = excerpt("and then the needle", "needle", cut=True)
    assert (shown.text, shown.highlights) == ("…and then the needle", ((14, 20),))


def test_a_match_longer_than_an_excerpt_is_cut() -> None:
    """A highlight never ends beyond the text."""
    shown = excerpt("x" * 500, "x" * 50)
    assert shown.highlights == ((0, LONGEST - 1),)


def test_similarity_equals_that_of_postgres() -> None:
    """`SELECT similarity('hello', 'helo')` is 0.571."""
    assert similarity("hello", "helo") == pytest.approx(4 / 7)
    assert similarity("hello", "hello") == 1
