"""Finds the search words in a text and cuts the text to a readable length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")
LONGEST = 200
"""Characters of an excerpt, including its ellipses."""
LEAD = 60
"""Characters before the first highlight, at most."""
MIN_SIMILARITY = 0.3
"""The similarity from which a word is highlighted when none matches exactly; 1 is identical."""
ELLIPSIS = "…"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`highlights`: pairs of UTF-16 offsets in `text`, in order, not overlapping."""

    text: str
    highlights: tuple[Span, ...]


def words_of(wanted: str) -> list[str]:
    """The search words in lower case."""
    return WORD.findall(wanted.lower())


def excerpt(text: str, wanted: str, *, cut: bool = False) -> Excerpt:
    """Returns the part of `text` around the matches. `cut`: the original text begins before `text`."""
    text = " ".join(text.split())
    spans = found(text, wanted)
    begin = _begin(text, spans[0][0] if spans else 0)
    head = ELLIPSIS if begin or cut else ""
    room = LONGEST - len(head)
    end = len(text) if len(text) - begin <= room else begin + room - 1
    shown = head + text[begin:end] + (ELLIPSIS if end < len(text) else "")
    shift = len(head) - begin
    inside = [(first + shift, min(last, end) + shift) for first, last in spans if begin <= first < end]
    return Excerpt(shown, tuple((utf16(shown[:first]), utf16(shown[:last])) for first, last in inside))


def _begin(text: str, first: int) -> int:
    """Never in the middle of a word, nor far from the first highlight; 0 for a short text."""
    if len(text) <= LONGEST or first <= LEAD:
        return 0
    space = text.find(" ", first - LEAD, first)
    return first - LEAD if space < 0 else space + 1


def found(text: str, wanted: str) -> Sequence[Span]:
    """Finds the search words, the last one as a prefix; otherwise the query as typed; otherwise the most similar words."""
    words = words_of(wanted)
    whole, last = set(words), words[-1] if words else ""
    said = [(match[0].lower(), match.span()) for match in WORD.finditer(text)]
    same = [span for word, span in said if word in whole or (last and word.startswith(last))]
    return same or literally(text, wanted) or similar(said, words)


def literally(text: str, wanted: str) -> Sequence[Span]:
    """Finds the query as typed, ignoring case: for punctuation, and for languages without spaces between words."""
    return [match.span() for match in re.finditer(re.escape(wanted), text, re.IGNORECASE)] if wanted else []


def similar(said: Sequence[tuple[str, Span]], words: Sequence[str]) -> Sequence[Span]:
    """Finds words similar to one of the search words."""
    return [span for word, span in said if any(similarity(word, wanted) >= MIN_SIMILARITY for wanted in words)]


def similarity(one: str, other: str) -> float:
    """Similarity of two words, 0 to 1: the share of trigrams they have in common, as pg_trgm computes it."""
    ones, others = _pieces(one), _pieces(other)
    return len(ones & others) / len(ones | others)


def _pieces(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def utf16(text: str) -> int:
    """Counts the UTF-16 code units of a text."""
    return len(text) + sum(letter > "\uffff" for letter in text)
