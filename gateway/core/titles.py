"""A session's title from its first exchange."""

from __future__ import annotations

TITLE_LIMIT = 60


def title_from(text: str) -> str | None:
    """The text's first words, at most 60 characters, cut between words where that is possible; None for blank text."""
    line = " ".join(text.split())
    if len(line) <= TITLE_LIMIT:
        return line or None
    cut = line[: TITLE_LIMIT - 1]
    words, space, _ = line[:TITLE_LIMIT].rpartition(" ")
    return (words if space and len(words) >= TITLE_LIMIT // 2 else cut).rstrip(" ,.;:–-") + "…"
