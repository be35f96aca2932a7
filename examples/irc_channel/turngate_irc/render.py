"""A reply as lines that IRC takes; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from turngate import Chunk

MOST_BYTES = 400
"""Of 512 in a line (RFC 2812, section 2.3), which also holds who sends it to whom."""
NOTHING_SAID = "(The answer was empty.)"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def render(content: str) -> Sequence[Chunk]:
    """One chunk for each line; long lines are split between words where they can be."""
    clean = content.encode("utf-8", "replace").decode()
    lines = [_CONTROL.sub(" ", line).strip() for line in clean.splitlines()]
    return [Chunk(piece) for line in lines if line for piece in _pieces(line)] or [Chunk(NOTHING_SAID)]


def _pieces(line: str) -> Iterator[str]:
    while line:
        piece = line.encode()[:MOST_BYTES].decode(errors="ignore")
        if len(piece) < len(line) and " " in piece:
            piece = piece[: piece.rindex(" ")]
        line = line[len(piece) :].lstrip()
        yield piece
