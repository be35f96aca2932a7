"""Which address limits count by."""

from __future__ import annotations

import pytest

from gateway.core.limits.addresses import AddressRule

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.5, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.5, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.5", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("2001:db8:ffff::1", ["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", ["192.0.2.1"], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        (None, ["192.0.2.1"], ""),
        ("/run/socket", ["192.0.2.1"], ""),
    ],
)
def test_the_nearest_address_that_no_trusted_proxy_has_counts(
    peer: str | None, forwarded: list[str], counted: str
) -> None:
    """ASVS 4.1.3: reads from the right, and never past an address that may be forged."""
    assert AddressRule.of(PROXIES).client(peer, forwarded) == counted


def test_nobody_is_trusted_by_default() -> None:
    """A header alone changes nothing."""
    assert AddressRule().client("127.0.0.1", ["192.0.2.1"]) == "127.0.0.1"
