"""Durations as people write them: `20m`, `12h`, `30d`."""

from __future__ import annotations

import re
from datetime import timedelta

from gateway.errors import InvalidInput

UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
LONGEST = timedelta(days=3660)


def duration(text: str, name: str) -> timedelta:
    """Parses a duration. Raises `InvalidInput` that refers to it as `name`."""
    found = re.fullmatch(r"([1-9][0-9]{0,7})([smhdw])", text, re.ASCII)
    if found is None or int(found[1]) * UNITS[found[2]] > LONGEST:
        raise InvalidInput(
            f"{name} is {text[:40]!r}; it should be a duration such as 90s, 20m, 12h, 30d or 2w, at most ten years."
        )
    return int(found[1]) * UNITS[found[2]]
