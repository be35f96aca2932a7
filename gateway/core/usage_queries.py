"""What callers ask about usage, as text: dimensions and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

from gateway.core.ports.usage import Dimension
from gateway.errors import InvalidInput

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
INSTANT = timedelta(microseconds=1)
YEARS = range(1970, 9990)


def dimensions_of(name: str, text: str) -> tuple[Dimension, ...]:
    """Reads names separated by commas; `name` is that of the parameter. Raises `InvalidInput`."""
    asked = [part.strip() for part in text.split(",")]
    found = tuple(dimension for dimension in DIMENSIONS if dimension in asked)
    if len(found) != len(asked):
        raise InvalidInput(
            f"{name} is {text[:80]!r}; it should be one or several, once each, of: {', '.join(DIMENSIONS)}."
        )
    return found


def first_day(name: str, text: str | None) -> date | None:
    """Reads the day, or the day of the time, at which a period begins. Raises `InvalidInput`."""
    found = None if text is None else _moment(name, text)
    return found.date() if isinstance(found, datetime) else found


def last_day(name: str, text: str | None) -> date | None:
    """Reads the last day of a period. One that ends at a time includes the day of the instant before. Raises `InvalidInput`."""
    found = None if text is None else _moment(name, text)
    return (found - INSTANT).date() if isinstance(found, datetime) else found


def check_period(since: date | None, until: date | None) -> None:
    """Raises `InvalidInput` if the period ends before it begins."""
    if since is not None and until is not None and since > until:
        raise InvalidInput(f"since ({since}) should not be after until ({until}).")


def _moment(name: str, text: str) -> date | datetime:
    found = _parsed(text)
    if found is None or found.year not in YEARS:
        raise InvalidInput(
            f"{name} is {text[:40]!r}; it should be a day such as 2026-11-30, or a time such as 2026-11-30T00:00:00Z."
        )
    return found


def _parsed(text: str) -> date | datetime | None:
    try:
        if "T" not in text.upper():
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
