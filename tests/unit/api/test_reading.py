"""Parsing of single values in requests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.api.requests.reading import session_id_of, uuid_of
from gateway.api.requests.triggers import moment, zone
from gateway.api.routes.messages import wait_seconds
from gateway.api.routes.pages import inside
from gateway.errors import InvalidInput, NotFound


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [("", 300), ("wait=0", 0), ("wait=10", 10), ("respond-async, wait=10", 10), ("wait=9999", 300), ("wait=soon", 300)],
)
def test_how_long_a_caller_would_wait(prefer: str, seconds: float) -> None:
    """RFC 7240, section 4.3; never longer than a turn may take."""
    assert wait_seconds(prefer, 300) == seconds


@pytest.mark.parametrize("text", ["", "a\0b", "\ud800", "x" * 129])
def test_an_id_that_cannot_exist_is_not_found(text: str) -> None:
    """It never reaches the database."""
    with pytest.raises(NotFound):
        session_id_of(text)
    with pytest.raises(NotFound):
        uuid_of(text, "token")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2030-01-31T08:00:00Z", datetime(2030, 1, 31, 8, tzinfo=UTC)),
        ("2030-01-31T08:00:00+02:00", datetime(2030, 1, 31, 6, tzinfo=UTC)),
        ("2030-01-31T08:00:00", datetime(2030, 1, 31, 7, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_utc_or_in_the_zone(text: str, at: datetime) -> None:
    """An offset takes precedence over the schedule's time zone."""
    assert moment(text, zone("Europe/Berlin")) == at


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "/etc/passwd", "../UTC", "a\0b", "x" * 300])
def test_an_invalid_time_zone_is_refused(name: str) -> None:
    """Including names of folders and paths."""
    with pytest.raises(InvalidInput, match="timezone"):
        zone(name)


@pytest.mark.parametrize("name", ["../secret", "assets/../../secret", "assets", "nothing", "a\0b", "\ud800"])
def test_only_files_inside_are_served(tmp_path: Path, name: str) -> None:
    """However the path leads outside."""
    (tmp_path / "secret").touch()
    (tmp_path / "static" / "assets").mkdir(parents=True)
    assert inside(tmp_path / "static", name) is None
