"""Anonymous visitors who turn out to be somebody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gateway.core.model import UserId


@dataclass(frozen=True, slots=True)
class Latecomer:
    """An identified visitor who has a conversation again: its message was on its way. `user_id`: None for an erased user."""

    visitor: UserId
    user_id: UserId | None


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

    async def latecomers(self, within: timedelta) -> Sequence[Latecomer]:
        """Some of those who were identified within that time."""
        ...

    async def remove(self, visitor: UserId) -> None:
        """Removes the visitor's conversations."""
        ...

    async def forget_erased(self) -> None:
        """Forgets visitors of erased users, once their passes have expired."""
        ...
