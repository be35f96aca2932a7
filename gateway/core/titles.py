"""A session's title: from its first message, or as an agent said it."""

from __future__ import annotations

from unicodedata import category

TITLE_LIMIT = 60
QUOTES = "\"'`*_# \u00ab\u00bb\u2018\u2019\u201c\u201d\u201e\u201f\u2039\u203a"
"""What models like to put around a title."""
LABEL = "title:"
STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the text around it to the right or to the left (UAX 9, explicit formatting characters)."""


def title_from(text: str) -> str | None:
    """The text's first words, at most 60 characters, cut between words where that is possible; None for blank text."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LIMIT:
        return line or None
    cut = line[: TITLE_LIMIT - 1]
    words, space, _ = line[:TITLE_LIMIT].rpartition(" ")
    return (words if space and len(words) >= TITLE_LIMIT // 2 else cut).rstrip(" ,.;:–-") + "…"


def title_given(text: str) -> str:
    """A title as a person gave it, on one line, without characters that steer terminals or the direction of other text."""
    line = " ".join(text.split())
    shown = "".join(sign for sign in line if category(sign) != "Cc" and sign not in STEERING)
    return " ".join(shown.split())


def title_said(text: str) -> str | None:
    """What an agent answered, as a title: its first line without quotes around it, a label or a full stop; None for nothing."""
    lines = (_bare(line) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    printable = "".join(character if character.isprintable() else " " for character in line)
    return title_from(printable)


def _bare(line: str) -> str:
    line = line.strip(QUOTES)
    if line.casefold().startswith(LABEL):
        line = line[len(LABEL) :].strip(QUOTES)
    return line.removesuffix(".").strip(QUOTES) if not line.endswith("..") else line
