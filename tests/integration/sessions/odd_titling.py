"""Agents whose titles can be watched and spoiled, as outsiders would write them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.core.model import Message, Turn


class Forgetful:
    """Names a conversation once; from then on it fails at that."""

    def __init__(self) -> None:
        self.named = 0

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """A good title, the first time."""
        self.named += 1
        if self.named > 1:
            raise RuntimeError("no idea")
        return "A good title"


class Counting:
    """Knows how many it is asked to name at once, and says so in the title."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """How many were asked for at once so far."""
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.05)
        self.now -= 1
        return f"at most {self.most}"


class Pondering:
    """Says its first title when it is let, and those after it at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return "hm"

    async def title(self, messages: Sequence[Message]) -> str:
        """All that users said, as it was when it was asked."""
        self.asked += 1
        if self.asked == 1:
            await self.go_on.wait()
        return " and ".join(message.content for message in messages if message.role == "user")
