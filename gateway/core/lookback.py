"""How far back a look at the news reads, so that it finds what was written long before its commit. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=1)
"""A transaction that takes longer than this between a write and its commit may be missed; those of the gateway take less."""


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """When a look was, by the database's clock, with its snapshot: the oldest open transaction, and the one after the last that had ended.

    A snapshot shows that a transaction is open once a later one has ended. The heartbeats of replicas see to that within seconds, and by
    so much the news of any two looks overlap.
    """

    at: datetime
    oldest: int
    next: int


class Lookback:
    """Remembers the looks that an open transaction may have begun after."""

    def __init__(self) -> None:
        self._positions: deque[FeedPosition] = deque()

    def after(self, position: FeedPosition) -> datetime:
        """From when on the look after this one reads: whatever commits in between was written since then."""
        positions = self._positions
        positions.append(position)
        while len(positions) > 1 and (positions[1].next <= position.oldest or positions[0].at < position.at - LONGEST):
            positions.popleft()
        return positions[0].at

    def forget(self) -> None:
        """Nobody follows anything."""
        self._positions.clear()
