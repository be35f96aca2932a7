"""Agents whose turns and titles compete, for `target` settings of tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.core.model import Message, Turn


class Pondering:
    """Gives a title when the test allows it; counts how often it was interrupted."""

    def __init__(self) -> None:
        self.asked = self.interrupted = 0
        self.go_on = asyncio.Event()

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """The number of messages."""
        self.asked += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.interrupted += 1
            raise
        return f"Talk of {len(messages)}"


class OneAtATime(Pondering):
    """Like a model server that has one slot."""

    def __init__(self) -> None:
        super().__init__()
        self.slot = asyncio.Lock()

    async def run(self, turn: Turn) -> str:
        """An answer, once the slot is free."""
        async with self.slot:
            return await super().run(turn)

    async def title(self, messages: Sequence[Message]) -> str:
        """The same, once the slot is free."""
        async with self.slot:
            return await super().title(messages)


class Slow:
    """Answers when the test allows it, which it does at first, and gives titles at once."""

    def __init__(self) -> None:
        self.answering = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def run(self, turn: Turn) -> str:
        """An answer."""
        self.answering = not self.go_on.is_set()
        await self.go_on.wait()
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """The number of messages, and the first."""
        return f"Talk of {len(messages)}: {messages[0].content}"
