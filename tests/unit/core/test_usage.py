"""How reports of usage add up, and how periods are read."""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import add

import pytest

from gateway.core.model import FURTHER_MODELS, MOST_MODELS, Usage
from gateway.core.turns.counting import LONGEST_MODEL, MOST_TOKENS, countable
from gateway.core.usage_queries import dimensions_of, first_day, last_day
from gateway.errors import InvalidInput


def test_reports_of_one_model_add_up() -> None:
    """A report without a model belongs to the one that was named."""
    assert Usage(1, 2, "a") + Usage(3, 4) == Usage(4, 6, "a")
    assert Usage(1, 2) + Usage(3, 4, "a") == Usage(4, 6, "a")
    assert Usage(1, 2, "a", 0.5, 3) + Usage(3, 4, "a", 0.25, 4, 5) == Usage(4, 6, "a", 0.75, 7, 5)


def test_models_stay_apart() -> None:
    """The turn's model is the last one; known costs are not mixed with unknown ones, which may still be priced."""
    usage = Usage(1, 2, "a", 0.5) + Usage(3, 4, "b") + Usage(5, 6, "a", 0.25)
    assert usage == Usage(9, 12, "a", 0.75, models=(Usage(6, 8, "a", 0.75), Usage(3, 4, "b")))
    assert (Usage(1, 1, "a", 0.5) + Usage(1, 1, "a")).models == (Usage(1, 1, "a", 0.5), Usage(1, 1, "a"))


def test_models_beyond_the_most_count_together() -> None:
    """An agent that names a new one each time does not fill the row."""
    usage = reduce(add, (Usage(1, 1, f"m{number}") for number in range(MOST_MODELS + 50)))
    assert len(usage.models) == MOST_MODELS + 1
    assert usage.models[-1] == Usage(50, 50, FURTHER_MODELS)
    assert usage.input_tokens == MOST_MODELS + 50


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        (Usage(-5, 10**30), Usage(0, MOST_TOKENS)),
        (Usage(1, 1, "m\0", float("nan")), Usage(1, 1, "m")),
        (Usage(1, 1, "m", float("inf")), Usage(1, 1, "m")),
        (Usage(1, 1, "m", -1), Usage(1, 1, "m")),
        (Usage(1, 1, "m" * 500, 2), Usage(1, 1, "m" * LONGEST_MODEL, 2.0)),
        (Usage(3, 3, "b", 1, models=(Usage(1, 1, "a", 1), Usage(2, 2, "b"))), Usage(1, 1, "a", 1) + Usage(2, 2, "b")),
    ],
)
def test_impossible_reports_become_countable(given: Usage, counted: Usage) -> None:
    """Sums of them fit into the database."""
    assert countable(given) == counted


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-01", date(2026, 3, 1), date(2026, 3, 1)),
        ("2026-03-01T00:00:00Z", date(2026, 3, 1), date(2026, 2, 28)),
        ("2026-03-01T00:00:00.000001Z", date(2026, 3, 1), date(2026, 3, 1)),
        ("2026-03-01T01:30:00+02:00", date(2026, 2, 28), date(2026, 2, 28)),
    ],
)
def test_a_time_stands_for_its_day(text: str, first: date, last: date) -> None:
    """A period ends before the time that ends it."""
    assert (first_day("since", text), last_day("until", text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "today", "2026-3-1", "2026-03-01T00:00:00", "1969-12-31", "9999-12-31T23:59:59-12:00"]
)
def test_other_texts_are_no_days(text: str) -> None:
    """The error names the parameter and shows what it should be."""
    with pytest.raises(InvalidInput, match=r"since is .* it should be a day such as"):
        first_day("since", text)


def test_dimensions_have_one_order() -> None:
    """That of the answer, however they are asked for."""
    assert dimensions_of("group_by", "day, agent") == ("agent", "day")
    for text in ("", "agent,", "agent,agent", "country"):
        with pytest.raises(InvalidInput, match="group_by is"):
            dimensions_of("group_by", text)
