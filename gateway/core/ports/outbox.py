"""The record of chunks on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.model import OutboxItem


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an item, and why it is not sent again. `dead`: it never arrived; `unknown`: it may have."""

    item_id: int
    state: Literal["sent", "dead", "unknown"]
    reason: str | None = None


class OutboxStore(Protocol):
    """The record of chunks on their way."""

    async def mark(self, settled: Settled) -> None:
        """T3, which marks of one moment share. Raises `StoreUnavailable` when nobody can say whether it was written."""
        ...

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        """Which of these are unsent and still this replica's."""
        ...

    async def steal(self, limit: int, held: Sequence[int], *, expired: bool) -> Sequence[OutboxItem]:
        """Takes over unsent items, in order, of at most `limit` addresses whose oldest one is nobody's or a gone replica's.

        `expired`: replicas that have been silent for their TTL count as gone. This replica's own items count too, when
        they are a while old and not among those it holds.
        """
        ...

    async def forget_sent(self, days: int) -> int:
        """Removes chunks that were sent more than so many days ago; how many."""
        ...
