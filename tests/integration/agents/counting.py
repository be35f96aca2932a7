"""An agent that says what it cost, for `target` settings of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, UsageReport
from gateway.core.model import Turn, Usage


async def counting(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    """A word in is one token, and one and a half come out; each turn costs a quarter."""
    words = len(turn.text.split())
    yield "counted"
    yield UsageReport(Usage(words, words * 3 // 2, "counter", 0.25))
