"""Which address limits count by: the peer's, or the one that trusted proxies report (OWASP ASVS 5.0, 4.1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

PORT = re.compile(r"^\[(?P<six>[^\]]+)\](?::\d+)?$|^(?P<four>[0-9.]+):\d+$")
SUBSCRIBER = 64
"""Bits of an IPv6 address that its holder cannot choose (RFC 4291, section 2.5.4)."""


@dataclass(frozen=True, slots=True)
class AddressRule:
    """`trusted`: networks of the proxies whose `X-Forwarded-For` is trusted."""

    trusted: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> Self:
        """Builds the rule from `limits.trusted_proxies`. Raises `ValueError` for anything that is not a network."""
        return cls(tuple(ip_network(network) for network in networks))

    def client(self, peer: str | None, forwarded: Sequence[str] = ()) -> str:
        """Returns the nearest address that does not belong to a trusted proxy; for IPv6 its network, `2001:db8::/64`.

        `forwarded`: the `X-Forwarded-For` headers in the order they arrived; each proxy appended its peer.
        Anything before the first untrusted address can be forged and is ignored.
        """
        nearest = _parsed(peer or "")
        if nearest is None:
            return ""
        hops = [hop for header in forwarded for hop in header.split(",")]
        while hops and self._trusts(nearest):
            further = _parsed(hops.pop())
            if further is None:
                break
            nearest = further
        return _counted(nearest)

    def is_shared(self, peer: str) -> bool:
        """Whether many people may be behind the peer: a trusted proxy, or this machine itself, where a proxy may run."""
        address = _parsed(peer)
        return address is not None and (address.is_loopback or self._trusts(address))

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if found := PORT.match(text):
        text = found["six"] or found["four"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), SUBSCRIBER), strict=False))
