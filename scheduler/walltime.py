"""Wall-clock times: zones by name, and which moments a wall-clock time means when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import InvalidInput


def zone_of(name: str) -> ZoneInfo:
    """Returns the IANA time zone. Raises `InvalidInput` with an example."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"{name[:100]!r} is not a time zone; it should be an IANA name such as Europe/Berlin or UTC."
        ) from None


def wall_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """Returns the wall-clock time at a moment, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def moments_of(wall: datetime, zone: ZoneInfo, *, every_pass: bool) -> tuple[datetime, ...]:
    """Returns the moments, in UTC, that a rule means by a wall-clock time.

    A time that occurs twice means its first occurrence; a skipped time means the moment it would have been, had clocks not changed: 02:30
    is
    03:30 then. With `every_pass` (rules about elapsed time), it means each occurrence: two, or none. PEP 495 defines both.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if not every_pass or first == second:
        return (first,)
    return (first, second) if first < second else ()


def leap_near(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far clocks are changed within a day of a moment; mostly zero."""
    try:
        before, after = (wall_of(moment + timedelta(days=days), zone) for days in (-1, 1))
    except OverflowError:
        return timedelta(0)
    return abs(after - before - timedelta(days=2))
