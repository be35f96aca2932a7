"""Puts sessions with recent activity into the indexes of lists."""

from __future__ import annotations

from typing import Protocol


class RecentActivity(Protocol):
    """The sessions that lists read directly, since their indexes may not have the last activity yet."""

    async def place_in_lists(self) -> int:
        """Places those that have paused; returns how many. Two calls at the same time do no harm. Raises `StoreUnavailable`."""
        ...
