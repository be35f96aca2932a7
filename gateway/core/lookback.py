"""How far back a query for changes must read to find rows that were written long before their commit. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=1)
"""A transaction that takes longer than this between a write and its commit may be missed; the gateway's own take less."""


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """When a query ran, by the database's clock, and its snapshot: the oldest open transaction, and the one after the last that had ended.

    A snapshot shows that a transaction is open only once a later one has ended. The replicas' heartbeats end one within seconds, and
    two consecutive queries overlap by that much.
    """

    at: datetime
    oldest: int
    next: int


class Lookback:
    """Remembers the queries since which an open transaction may have started."""

    def __init__(self) -> None:
        self._positions: deque[FeedPosition] = deque()

    def after(self, position: FeedPosition) -> datetime:
        """Returns the time from which the next query reads: anything that commits in between was written since then."""
        positions, longest_ago = self._positions, position.at - LONGEST
        if not positions:
            # Nobody knows how long the transactions that the first query finds open have been so.
            positions.append(replace(position, at=longest_ago))
        positions.append(position)
        while len(positions) > 1 and (positions[1].next <= position.oldest or positions[1].at <= longest_ago):
            positions.popleft()
        return max(positions[0].at, longest_ago)
