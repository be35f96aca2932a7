"""Agents whose answers are difficult for OpenAI clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import Turn, Usage
from gateway.errors import AgentError


async def repeating(turn: Turn) -> AsyncIterator[str]:
    """Fails in the middle, then repeats the same text and continues."""
    yield "One, two, "
    if turn.attempt == 1:
        raise AgentError("on purpose")
    yield "three."


async def fickle(turn: Turn) -> AsyncIterator[str]:
    """Fails in the middle, then says something else."""
    if turn.attempt > 1:
        yield "Three, two, one."
        return
    yield "One, two, "
    await asyncio.sleep(0)
    raise AgentError("on purpose")


async def costly(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Calls a tool between two texts, and reports its usage."""
    yield TextDelta("Let me see. ")
    yield ToolCall("c1", "clock", {})
    yield ToolResult("c1", "clock", "noon")
    yield TextDelta("It is ")
    yield TextDelta("noon.")
    yield UsageReport(Usage(11, 7, "some-model"))


async def remembering(turn: Turn) -> str:
    """Returns what it received: roles and contents of the history, and the types of its parts."""
    return json.dumps([[message.role, message.content, [p["type"] for p in message.parts]] for message in turn.history])


async def patient(turn: Turn) -> AsyncIterator[str]:
    """Starts, and continues until it is cancelled."""
    yield "I was going to say "
    await asyncio.Event().wait()
