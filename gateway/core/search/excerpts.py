"""Where a text holds what somebody looks for, cut to a length for reading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")
LONGEST = 200
"""Characters of an excerpt, its ellipses included."""
LEAD = 60
"""Characters before the first highlight, at most."""
MIN_SIMILARITY = 0.3
"""How like a word has to be to be highlighted where none is the same; 1 is the same."""
ELLIPSIS = "…"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`highlights`: pairs of UTF-16 offsets in `text`, in order, not overlapping."""

    text: str
    highlights: tuple[Span, ...]


def words_of(wanted: str) -> list[str]:
    """The words somebody looks for, in small letters."""
    return WORD.findall(wanted.lower())


def excerpt(text: str, wanted: str, *, cut: bool = False) -> Excerpt:
    """The part of `text` around what is wanted. `cut`: something stood before `text`."""
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
    """Not in the middle of a word, nor far from the first highlight; all of a short text."""
    if len(text) <= LONGEST or first <= LEAD:
        return 0
    space = text.find(" ", first - LEAD, first)
    return first - LEAD if space < 0 else space + 1


def found(text: str, wanted: str) -> Sequence[Span]:
    """The wanted words, the last as the beginning of one; else the text as it stands; else the words most like them."""
    words = words_of(wanted)
    whole, last = set(words), words[-1] if words else ""
    said = [(match[0].lower(), match.span()) for match in WORD.finditer(text)]
    same = [span for word, span in said if word in whole or (last and word.startswith(last))]
    return same or literally(text, wanted) or similar(said, words)


def literally(text: str, wanted: str) -> Sequence[Span]:
    """Where the text stands as it was typed, letters large or small: signs, or words without spaces between them."""
    return [match.span() for match in re.finditer(re.escape(wanted), text, re.IGNORECASE)] if wanted else []


def similar(said: Sequence[tuple[str, Span]], words: Sequence[str]) -> Sequence[Span]:
    """The words that are like one of those wanted."""
    return [span for word, span in said if any(similarity(word, wanted) >= MIN_SIMILARITY for wanted in words)]


def similarity(one: str, other: str) -> float:
    """Of two words, 0 to 1: the share of three-letter pieces they have in common, as Postgres' pg_trgm counts it."""
    ones, others = _pieces(one), _pieces(other)
    return len(ones & others) / len(ones | others)


def _pieces(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def utf16(text: str) -> int:
    """How many UTF-16 code units a text has."""
    return len(text) + sum(letter > "\uffff" for letter in text)
