"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.core.durations import duration
from gateway.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("20m", timedelta(minutes=20)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_number_and_a_unit(text: str, span: timedelta) -> None:
    """Seconds, minutes, hours, days, weeks."""
    assert duration(text, "expires") == span


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "30D", "1y", "999999999w", "٣d", "1d\n"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    """The error names the option, and says what it should be."""
    with pytest.raises(InvalidInput, match=r"--expires is .* it should be a duration such as"):
        duration(text, "--expires")
