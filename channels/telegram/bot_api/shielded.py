"""Requests that run to their end even after the caller has given up on them.

httpcore 1.0 loses the connection of a request whose task is cancelled just before it starts or while its response is being closed: the
connection stays open, counts as busy, and is never used again. A bot cancels a "typing …" request whenever the answer comes first,
so its pool would fill up with such connections, and nothing could be sent until a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from channels.telegram.bot_api.fence import fenced
from gateway.core.tasks.background import Background

T = TypeVar("T")


class ShieldedRequests:
    """Runs each request in a task of its own."""

    def __init__(self) -> None:
        self._under_way = Background()

    async def run(self, request: Coroutine[None, None, T]) -> T:
        """Returns the request's result. If the caller is cancelled, a request already sent continues; otherwise it is not sent."""
        abandoned = asyncio.Event()
        try:
            with fenced(lambda: not abandoned.is_set()):
                return await self._under_way.shielded(request)
        except asyncio.CancelledError:
            abandoned.set()
            raise

    async def close(self) -> None:
        """Cancels what is under way: its connections are about to be closed."""
        await self._under_way.stop()
