"""The store of chunks to be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.outbound import OutboxItem


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of an item, and why it is not sent again. `dead`: it never arrived; `unknown`: it may have."""

    item_id: int
    state: Literal["sent", "dead", "unknown"]
    reason: str | None = None


class OutboxStore(Protocol):
    """The store of chunks to be delivered."""

    async def mark(self, settled: Settled) -> None:
        """T3; simultaneous marks share a commit. Raises `StoreUnavailable` if it is unknown whether the mark was written."""
        ...

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        """Which of these items are unsent and still this replica's."""
        ...

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        """Takes over unsent items, in order, of at most `limit` addresses whose oldest item belongs to nobody or to a dead replica.

        `expired`: replicas that have been silent for their TTL count as dead. This replica's own items count too, if
        they are older than a moment and not among those it holds.
        """
        ...

    async def forget_sent(self, days: int) -> int:
        """Removes chunks that were sent more than that many days ago; returns how many."""
        ...
