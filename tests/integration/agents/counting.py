"""An agent that reports its usage, for `target` settings of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, UsageReport
from gateway.core.model import Turn, Usage


async def counting(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """One token per input word, one and a half tokens out; each turn costs a quarter of a dollar."""
    words = len(turn.text.split())
    yield "counted"
    yield UsageReport(Usage(words, words * 3 // 2, "counter", 0.25))
