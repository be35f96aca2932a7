"""Anonymous visitors who are identified as users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.core.model import UserId


class VisitorStore(Protocol):
    """Which users visitors turned out to be."""

    async def identify(self, visitor: UserId, user_id: UserId) -> int:
        """Gives the visitor's sessions to the user, all or none; returns how many there were, also on repetition.

        Raises `Conflict` while an answer is being written in one of them, or if the visitor was identified as another user.
        """
        ...

    async def identified(self, visitors: Sequence[UserId]) -> Collection[UserId]:
        """Returns the visitors who are identified."""
        ...

    async def forget_erased(self) -> None:
        """Forgets visitors of erased users, once their passes have expired."""
        ...
