"""Which addresses requests may go to, unless the settings allow internal ones."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.agents.http.faults import Misconfigured
from gateway.core.model import AgentName
from gateway.errors import SettingsError

UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 that is public (IANA, IPv6 Global Unicast Address Assignments)."""
NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052)."""
INTERNAL: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle Cloud keeps its metadata here
    IPv4Network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv4Network("168.63.129.16/32"),  # Azure's own services, seen from inside only
)
"""Not public, although `is_global` of some Python versions says so."""


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses a host with any address that is not public.

    The connection goes to the addresses that were checked: the name is not looked up again.
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises `Misconfigured` for an address that is not public, and `OSError` for an unknown host."""
        found = await self._resolver.resolve(host, port, family)
        checked([result["host"] for result in found])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def checked(addresses: Iterable[str]) -> None:
    """Raises `Misconfigured` if any of them is not public."""
    for address in addresses:
        if not is_public(address):
            raise Misconfigured(
                f"has the address {address}, which is not public. If that is intended, set `allow_private = true`."
            )


def require_public_literal(name: AgentName, url: URL, *, allow_private: bool) -> None:
    """Raises `SettingsError` if the URL's host is an internal address. Names are checked when they are looked up."""
    host = url.host or ""
    try:
        ip_address(host)
    except ValueError:
        return
    if not allow_private and not is_public(host):
        raise SettingsError(
            f"agents.{name}.url names the address {host}, which is not public. If that is intended, set "
            f"agents.{name}.allow_private = true."
        )


def is_public(address: str) -> bool:
    """Whether an address is a public one, and so are all addresses that it contains."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if inner := _inner(found):
            return all(is_public(str(one)) for one in inner)
        if found not in UNICAST:
            return False
    return found.is_global and not found.is_multicast and not any(found in network for network in INTERNAL)


def _inner(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, translated or tunnelled."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    return ()
