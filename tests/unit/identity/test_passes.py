"""Visitors' passes: signed, bound to an origin, and limited in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.passes import VisitorPasses

KEY = b"k" * 32
SHOP = "https://shop.example"
NOW = datetime.now(UTC)


def test_a_pass_speaks_for_its_visitor_at_its_origin() -> None:
    """Until its expiry."""
    made = VisitorPasses(KEY).issue(SHOP, NOW)
    principal = VisitorPasses(KEY).verify(made.token, SHOP)
    assert (principal.user_id, principal.role, principal.origin) == (made.user_id, "visitor", SHOP)
    assert principal.expires_at == made.expires_at


def test_every_visitor_is_another() -> None:
    """Nobody can guess another visitor's id."""
    passes = VisitorPasses(KEY)
    assert passes.issue(SHOP, NOW).user_id != passes.issue(SHOP, NOW).user_id


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://shop.example"])
def test_another_origin_is_forbidden(origin: str | None) -> None:
    """A missing origin, too (ASVS 5.0, 4.4.2)."""
    made = VisitorPasses(KEY).issue(SHOP, NOW)
    with pytest.raises(Forbidden):
        VisitorPasses(KEY).verify(made.token, origin)


@pytest.mark.parametrize(
    ("key", "issued"),
    [(b"x" * 32, NOW), (KEY, NOW - timedelta(days=31))],
    ids=["forged", "expired"],
)
def test_a_bad_pass_is_no_pass(key: bytes, issued: datetime) -> None:
    """Another gateway's pass, or an expired one."""
    made = VisitorPasses(key).issue(SHOP, issued)
    with pytest.raises(Unauthenticated):
        VisitorPasses(KEY).verify(made.token, SHOP)
