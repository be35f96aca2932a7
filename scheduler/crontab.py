"""Parses crontab expressions as cron does (crontab(5) of Debian's cron)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import InvalidInput

ALIASES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SUNDAY_LAST = 7
ITEM = re.compile(r"(?P<first>\*|\d{1,4}|[a-z]{3})(?:-(?P<last>\d{1,4}|[a-z]{3}))?(?:/(?P<step>\d{1,4}))?", re.ASCII)
LONGEST_EXPRESSION = 200
DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
EXAMPLE = "for example `30 9 * * mon-fri`"


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields: its name in messages, its range, and names for numbers from `low` on."""

    title: str
    low: int
    high: int
    names: tuple[str, ...] = ()


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day of week", 0, SUNDAY_LAST, WEEKDAYS)


@dataclass(frozen=True, slots=True)
class Crontab:
    """What an expression matches. Weekdays: 0 is Sunday. `days` that none of `months` has are left out.

    `either_day`: a day matches if its number or its weekday does, otherwise both must.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @property
    def every_hour(self) -> bool:
        """Whether the rule is about elapsed time rather than wall-clock time."""
        return len(self.hours) == HOUR.high + 1


def parse_crontab(expression: str) -> Crontab:
    """Raises an `InvalidInput` that names the field and what it should be."""
    fields = _five_fields(expression)
    months = _values(fields[3], MONTH)
    longest = max(DAYS_OF_MONTHS[month - 1] for month in months)
    return Crontab(
        minutes=_values(fields[0], MINUTE),
        hours=_values(fields[1], HOUR),
        days=frozenset(day for day in _values(fields[2], DAY) if day <= longest),
        months=months,
        weekdays=frozenset(day % SUNDAY_LAST for day in _values(fields[4], WEEKDAY)),
        # crontab(5): if both are restricted, that is, don't start with *, either one is enough.
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )


def _five_fields(expression: str) -> list[str]:
    if len(expression) > LONGEST_EXPRESSION:
        raise InvalidInput(f"The cron expression should have at most {LONGEST_EXPRESSION} characters, {EXAMPLE}.")
    text = expression.strip().lower()
    if text.startswith("@") and text not in ALIASES:
        raise InvalidInput(f"The cron expression {expression!r} is unknown; it should be one of {', '.join(ALIASES)}.")
    fields = ALIASES.get(text, text).split()
    if len(fields) != len((MINUTE, HOUR, DAY, MONTH, WEEKDAY)):
        raise InvalidInput(
            f"The cron expression {expression[:100]!r} has {len(fields)} {'field' if len(fields) == 1 else 'fields'}; it should have five, "
            f"minute hour day-of-month month day-of-week, {EXAMPLE}."
        )
    return fields


def _values(text: str, field: Field) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _item(item, field))


def _item(text: str, field: Field) -> range:
    found = ITEM.fullmatch(text)
    if found is None or (found["first"] == "*" and found["last"]):
        raise _wrong(text, field)
    first, last = _bounds(found["first"], found["last"], field)
    step = int(found["step"] or 1)
    if found["step"] and not found["last"] and found["first"] != "*":
        raise InvalidInput(
            f"In the cron expression, {text!r} should be a range with a step, such as {first}-{field.high}/{step}."
        )
    if step < 1 or not field.low <= first <= last <= field.high:
        raise _wrong(text, field)
    return range(first, last + 1, step)


def _bounds(first: str, last: str | None, field: Field) -> tuple[int, int]:
    if first == "*":
        return field.low, field.high - (field is WEEKDAY)
    begin = _number(first, field)
    end = begin if last is None else _number(last, field)
    if field is WEEKDAY and last == "sun":
        end = SUNDAY_LAST
    return begin, end


def _number(text: str, field: Field) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not text.isdecimal():
        raise _wrong(text, field)
    return int(text)


def _wrong(text: str, field: Field) -> InvalidInput:
    names = f" or {field.names[0]}–{field.names[-1]}" if field.names else ""
    return InvalidInput(
        f"In the cron expression, {text[:50]!r} is not a {field.title}; it should be {field.low}–{field.high}{names}, "
        f"a range, a list or *, {EXAMPLE}."
    )
