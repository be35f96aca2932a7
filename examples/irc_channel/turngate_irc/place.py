"""Where people are reached: `irc:<network>:<nick>:0`."""

from __future__ import annotations

import re

from turngate import Address, ChannelName, DeliveryRefused

IRC = ChannelName("irc")
_WRITTEN = re.compile(r"irc:([^:\s]+):([^:\s,!@]{1,64}):0")


def address_of(network: str, nick: str) -> Address:
    """The private conversation with somebody; names are compared without case."""
    return Address(f"{IRC}:{network}:{nick.lower()}:0")


def nick_of(address: Address, network: str) -> str:
    """Whom an address leads to. Raises `DeliveryRefused` for one of another network, or of none."""
    found = _WRITTEN.fullmatch(address)
    if found is None or found[1] != network:
        raise DeliveryRefused(f"{address!r} is no address on {network}; it should be {IRC}:{network}:<nick>:0.")
    return found[2]
