"""Which connections stay open."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.connection_limiter import ConnectionLimiter, ConnectionLimits

STRANGER, NEIGHBOUR = "198.51.100.7", "198.51.100.8"


@dataclass(eq=False)
class Caller:
    """A connection that records whether it was dropped."""

    address: str = STRANGER
    dropped: bool = field(default=False)

    def drop(self) -> None:
        self.dropped = True


@dataclass
class Clock:
    """A clock set by the test."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock | None = None, *, per_address: int | None = 2, capacity: int = 100) -> ConnectionLimiter:
    """Trusts a proxy at 203.0.113.1."""
    limits = ConnectionLimits(per_address, header_s=20, capacity=capacity)
    return ConnectionLimiter(limits, AddressRule.of(["203.0.113.1"]), clock or Clock())


def test_connections_per_address_are_limited() -> None:
    """One more is dropped until another one leaves; other addresses are not affected."""
    connections = limiter()
    first, second, third = Caller(), Caller(), Caller()
    assert connections.admit(first)
    assert connections.admit(second)
    assert not connections.admit(third)
    assert third.dropped
    assert connections.admit(Caller(NEIGHBOUR))
    connections.leave(first)
    assert connections.admit(Caller())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "203.0.113.1", ""])
def test_addresses_shared_by_many_are_not_counted(address: str) -> None:
    """Loopback and a trusted proxy stand for many people."""
    connections = limiter()
    assert all(connections.admit(Caller(address)) for _ in range(10))


def test_the_network_of_an_ipv6_address_counts() -> None:
    """The address's holder chooses the rest."""
    connections = limiter()
    assert [connections.admit(Caller(f"2001:db8:1:1::{number}")) for number in range(1, 4)] == [True, True, False]


def test_a_request_is_due_in_time() -> None:
    """A connection that sends no request is dropped; one that is in use, or idle between two requests, is not."""
    clock = Clock()
    connections = limiter(clock, per_address=None)
    silent, busy, rests, half = Caller(), Caller(), Caller(), Caller()
    for caller in (silent, busy, rests, half):
        connections.admit(caller)
    for caller in (busy, rests, half):
        connections.begins(caller)
    connections.ends(rests)
    connections.ends(half)
    clock.now = 19
    connections.heard(half)
    clock.now = 21
    connections.sweep()
    assert [silent.dropped, busy.dropped, rests.dropped, half.dropped] == [True, False, False, False]
    clock.now = 40
    connections.sweep()
    assert [busy.dropped, rests.dropped, half.dropped] == [False, False, True]


def test_at_capacity_the_connection_idle_longest_is_dropped() -> None:
    """First those that owe a request, then idle ones; those in use stay, and then new ones are dropped."""
    connections = limiter(capacity=3, per_address=None)
    busy, rests, silent = Caller(), Caller(), Caller()
    for caller in (busy, rests, silent):
        connections.admit(caller)
    connections.begins(busy)
    connections.begins(rests)
    connections.ends(rests)
    for dropped in (silent, rests):
        newcomer = Caller()
        assert connections.admit(newcomer)
        assert dropped.dropped
        connections.begins(newcomer)
    assert not connections.admit(Caller())
    assert not busy.dropped
    assert len(connections) == 3
