"""Short texts between replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Wire(Protocol):
    """Reaches every replica that listens. Losing a text must be harmless: whoever listens also looks."""

    async def send(self, text: str) -> None:
        """At most 7,999 bytes. Raises `StoreUnavailable`."""
        ...

    async def listen(self, hear: Callable[[str], None], begun: Callable[[], None]) -> None:
        """Calls `hear`, which must not block, for each text, one's own included, and `begun` once texts are known to arrive.

        Raises `StoreUnavailable` when they no longer do, or `NothingHeard` when they never did.
        """
        ...
