"""Crontab expressions are read as cron reads them."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidInput
from scheduler.crontab import ALIASES, parse_crontab


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("0", {0}),
        ("7", {0}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("5-7", {5, 6, 0}),
        ("0-6", {0, 1, 2, 3, 4, 5, 6}),
        ("*", {0, 1, 2, 3, 4, 5, 6}),
        ("*/2", {0, 2, 4, 6}),
        ("1-5/2", {1, 3, 5}),
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("FRI-SUN", {5, 6, 0}),
        ("sun,wed", {0, 3}),
    ],
)
def test_weekdays_count_from_sunday(field: str, days: set[int]) -> None:
    """0 and 7 are Sunday, in numbers, names, ranges and steps."""
    assert parse_crontab(f"0 0 * * {field}").weekdays == days


@pytest.mark.parametrize(
    ("expression", "minutes", "hours", "months"),
    [
        ("5,10-12 0-23/6 * jan,6-8 *", {5, 10, 11, 12}, {0, 6, 12, 18}, {1, 6, 7, 8}),
        ("*/20 9 * DEC *", {0, 20, 40}, {9}, {12}),
        ("  0   9  * * *  ", {0}, {9}, set(range(1, 13))),
    ],
)
def test_lists_ranges_steps_and_names(
    expression: str, minutes: frozenset[int], hours: frozenset[int], months: frozenset[int]
) -> None:
    """The notation of crontab(5)."""
    rule = parse_crontab(expression)
    assert (rule.minutes, rule.hours, rule.months) == (minutes, hours, months)


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(alias: str) -> None:
    """@daily and similar names stand for five fields."""
    assert parse_crontab(alias.upper()) == parse_crontab(ALIASES[alias])


@pytest.mark.parametrize(
    ("expression", "either"),
    [("0 0 13 * fri", True), ("0 0 13 * *", False), ("0 0 */2 * fri", False), ("0 0 * * 1", False)],
)
def test_either_day_when_both_are_restricted(expression: str, either: bool) -> None:
    """Only a field that doesn't start with * restricts."""
    assert parse_crontab(expression).either_day is either


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("0 0 * * * *", "6 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * 32 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * foo *", "month"),
        ("* * * * 8", "day of week"),
        ("* * * * fri-mon", "day of week"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("5/15 * * * *", "5-59/15"),
        ("* * L * *", "day of month"),
        ("* * ? * *", "day of month"),
        ("1,,2 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("*-5 * * * *", "minute"),
        ("@reboot", "@hourly"),
        ("٣ * * * *", "minute"),
        ("0," * 200 + "0 * * * *", "200 characters"),
    ],
)
def test_says_which_field_is_wrong(expression: str, said: str) -> None:
    """A bad expression names its field and what it should be."""
    with pytest.raises(InvalidInput) as caught:
        parse_crontab(expression)
    assert said in str(caught.value)
