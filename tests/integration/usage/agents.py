"""Agents that report usage, for `target` settings of tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, UsageReport
from gateway.core.model import Turn, Usage
from gateway.errors import AgentError

MODEL = "gpt-4o"


async def spending(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """`40`: 30 tokens in and 10 out, at a cent each. Then does what the rest of the text says."""
    amount, _, rest = turn.text.partition(" ")
    tokens = int(amount)
    yield UsageReport(Usage(tokens - tokens // 4, tokens // 4, "spender-1", tokens / 100))
    match rest:
        case "fail":
            raise AgentError("told to fail", retryable=False)
        case "fail once" if turn.attempt == 1:
            raise AgentError("told to fail once")
        case "wait":
            yield "waiting"
            await asyncio.sleep(60)
        case _:
            yield "spent"


async def two_models(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """A search with a small model, and the answer with a large one, which reports no cost."""
    yield UsageReport(Usage(1_000, 100, "small", 0.25))
    yield UsageReport(Usage(2_000, 200, MODEL))
    yield turn.text


async def odd(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """Numbers that nothing can hold."""
    yield UsageReport(Usage(10**30, -5, "odd\0" * 100, float("nan")))
    yield turn.text


async def unpriced(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """Two million tokens of a model that no table knows."""
    yield UsageReport(Usage(1_000_000, 1_000_000, "unheard-of"))
    yield turn.text
