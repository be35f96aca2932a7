"""Which address each visitor writes from, as far as this replica has seen: visitors of one address share its slots."""

from __future__ import annotations

from collections import OrderedDict

from gateway.core.model import UserId

CAPACITY = 10_000
"""Visitors remembered at most; beyond it, whoever was quiet longest is forgotten."""


class Callers:
    """In bounded memory; of a visitor with several addresses the latest counts."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._addresses: OrderedDict[UserId, str] = OrderedDict()

    def note(self, visitor: UserId, address: str) -> None:
        """The visitor has just written from there."""
        self._addresses[visitor] = address
        self._addresses.move_to_end(visitor)
        if len(self._addresses) > self._capacity:
            self._addresses.popitem(last=False)

    def address_of(self, user_id: UserId) -> str | None:
        """Where the visitor wrote from; None for anybody else, and for visitors not seen here."""
        return self._addresses.get(user_id)
