"""Agents that give titles, for `target` settings of tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.core.model import Message, Turn


class Named:
    """Gives a title with the number of messages."""

    async def run(self, turn: Turn) -> str:
        """An answer."""
        if "fail" in turn.text:
            raise RuntimeError("told to fail")
        return f"you said {turn.text}"

    async def title(self, messages: Sequence[Message]) -> str:
        """A title in quotes, as models give it."""
        return f'"Talk of {len(messages)}: {messages[0].content}"'


class NamedByAPlainMethod(Named):
    """The same, blocking."""

    def title(self, messages: Sequence[Message]) -> str:  # type: ignore[override] # either kind may be given
        """A title."""
        return f"Plainly {len(messages)}"


class Unnamed(Named):
    """Fails to give a title."""

    async def title(self, messages: Sequence[Message]) -> str:
        """Fails."""
        raise RuntimeError("no idea")


class Slow(Named):
    """Is slow to give a title."""

    async def title(self, messages: Sequence[Message]) -> str:
        """A title, after several requests."""
        await asyncio.sleep(30)
        return "too late"
