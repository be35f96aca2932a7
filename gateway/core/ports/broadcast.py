"""Notifications between replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Broadcast(Protocol):
    """Reaches every listening replica. Losing a text must be harmless: listeners also query for changes."""

    async def send(self, text: str) -> None:
        """At most 7,999 bytes. Raises `StoreUnavailable`."""
        ...

    async def listen(self, hear: Callable[[str], None], begun: Callable[[], None]) -> None:
        """Calls `hear`, which must not block, for each text, including its own, and `begun` once texts are known to arrive.

        Raises `StoreUnavailable` when they no longer arrive, or `NotificationsUnavailable` if they never did.
        """
        ...
