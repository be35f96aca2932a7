"""The record of chunks on their way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.core.model import OutboxItem


class OutboxStore(Protocol):
    """The record of chunks on their way."""

    async def mark(self, sent: Sequence[int], dead: Sequence[tuple[int, str]]) -> None:
        """T3: batched, asynchronous commit. `dead`: item and the reason why it will never be delivered."""
        ...

    async def mine(self, items: Sequence[int]) -> Sequence[int]:
        """Which of these are unsent and still this replica's."""
        ...

    async def steal(self, limit: int) -> Sequence[OutboxItem]:
        """Takes over unsent items of dead owners, in order."""
        ...
