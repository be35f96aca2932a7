"""How much is loaded and requested."""

from __future__ import annotations

from dataclasses import dataclass

PROBES = 5
"""Users who have the same sessions at every size; they ask."""
SESSIONS_EACH = 200
LONG = 120_000
"""Messages of the first probe's longest session."""
DEPTH = 100_000
"""How far back in it the deep page lies."""


@dataclass(frozen=True, slots=True)
class Size:
    """So many sessions, of them `PROBES` × `SESSIONS_EACH` of the users who ask, and so many messages besides the long session."""

    name: str
    sessions: int
    messages: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Two sizes to compare. Each call is asked `rounds` times, the two sizes by turns, after `warm` that don't count."""

    small: Size
    big: Size
    rounds: int
    warm: int
    minutes: float


def scale(sessions: int, messages: int, rounds: int, minutes: float) -> Scale:
    """The given size, beside 1,000 sessions."""
    small = Size("small", PROBES * SESSIONS_EACH, max(1, messages * PROBES * SESSIONS_EACH // sessions))
    return Scale(small, Size("big", sessions, messages), rounds, max(5, rounds // 10), minutes)
