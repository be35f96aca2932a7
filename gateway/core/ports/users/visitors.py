"""Anonymous visitors who turn out to be somebody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway.core.model import UserId


class VisitorStore(Protocol):
    """Who visitors turned out to be."""

    async def identify(self, visitor: UserId, user_id: UserId) -> int:
        """Gives the visitor's sessions to the user, all or none; how many they were, also when asked again.

        Raises `Conflict` while an answer is being written in one of them, or when the visitor is somebody else already.
        """
        ...

    async def identified(self, visitors: Sequence[UserId]) -> Collection[UserId]:
        """Those of them who are somebody by now, or were."""
        ...

    async def forget_erased(self) -> None:
        """Forgets visitors of erased users, once their passes have expired."""
        ...
