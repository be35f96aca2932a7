"""Two agents of kind `python`: a function that answers at once, and a generator that answers piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from turngate import AgentEvent, ToolCall, ToolResult, Turn


async def shout(turn: Turn) -> str:
    """Answers what was said, in capitals."""
    return turn.text.upper()


async def storyteller(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """Looks up how long the conversation is, says so, and then tells the last thing word by word."""
    yield ToolCall("1", "count_messages", {})
    yield ToolResult("1", "count_messages", str(len(turn.history)))
    yield f"We exchanged {len(turn.history)} messages before. You just said: "
    for word in turn.text.split():
        yield f"{word} "
        await asyncio.sleep(0.05)
