"""The address each visitor writes from, as far as this replica has seen: visitors at one address share its slots."""

from __future__ import annotations

from collections import OrderedDict

from gateway.core.model import UserId

CAPACITY = 10_000
"""Visitors remembered at most; beyond that, the one that was idle longest is forgotten."""


class Callers:
    """Uses bounded memory; for a visitor with several addresses, the latest counts."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._addresses: OrderedDict[UserId, str] = OrderedDict()

    def note(self, visitor: UserId, address: str) -> None:
        """Records that the visitor has just written from this address."""
        self._addresses[visitor] = address
        self._addresses.move_to_end(visitor)
        if len(self._addresses) > self._capacity:
            self._addresses.popitem(last=False)

    def address_of(self, user_id: UserId) -> str | None:
        """Returns the visitor's address; None for other users and for visitors not seen here."""
        return self._addresses.get(user_id)
