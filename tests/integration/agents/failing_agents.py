"""Agents that fail, and those that answer for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, AgentSession, ApprovalRequest, TextDelta, UsageReport
from gateway.core.model import Turn, Usage
from gateway.errors import AgentError

USED = Usage(input_tokens=3, output_tokens=2)


async def breaks_off(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Says half an answer, unless it is asked for a whole one."""
    yield UsageReport(USED)
    yield AgentSession("its own")
    yield TextDelta("Half an")
    if turn.text != "all of it":
        raise AgentError("the provider hung up", retryable=False)
    yield TextDelta(f" answer and the rest, in {turn.agent_session}")


async def stands_in(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Says what it was given."""
    yield UsageReport(USED)
    yield AgentSession("the fallback's")
    yield TextDelta(f"{turn.agent} was asked {turn.text!r} in {turn.agent_session} after {len(turn.history)} messages")


async def asks(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Cannot answer by itself."""
    yield ApprovalRequest(f"May I answer {turn.text!r}?")


async def out_of_order(turn: Turn) -> str:
    """Fails as long as it is told to."""
    if turn.text == "fail":
        raise AgentError("the provider is away")
    return f"Answer to {turn.text!r}"
