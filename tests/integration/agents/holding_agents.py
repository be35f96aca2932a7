"""An agent whose answers take as long as a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.model import Turn


class Holding:
    """Answers at once, except messages with the word "hold", which it answers when `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.called: list[str] = []
        """Users, in the order in which their turns started."""

    async def run(self, turn: Turn) -> AsyncIterator[str]:
        """Records the call, and answers."""
        self.called.append(turn.user_id)
        if "hold" in turn.text:
            await self.go_on.wait()
        yield "Here you are."
