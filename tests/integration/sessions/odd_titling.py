"""Agents with unusual titling, written as third parties would write them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.core.model import Message, Turn


class Forgetful:
    """Names a conversation once; every later attempt fails."""

    def __init__(self) -> None:
        self.named = 0

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """A good title, the first time only."""
        self.named += 1
        if self.named > 1:
            raise RuntimeError("no idea")
        return "A good title"


class Counting:
    """Counts concurrent title requests and puts the number in the title."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """The highest number of concurrent requests so far."""
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.05)
        self.now -= 1
        return f"at most {self.most}"


class Pondering:
    """Returns its first title when the test allows it, and later titles at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = asyncio.Event()

    async def run(self, turn: Turn) -> str:
        """An answer."""
        return "hm"

    async def title(self, messages: Sequence[Message]) -> str:
        """All user messages, as they were when the title was requested."""
        self.asked += 1
        if self.asked == 1:
            await self.go_on.wait()
        return " and ".join(message.content for message in messages if message.role == "user")
