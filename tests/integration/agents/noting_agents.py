"""Agents that write the session's state in ways that the demo agent does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from gateway.core.events import AgentEvent, StateChange, TextDelta
from gateway.core.model import Turn


async def counts(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Counts its turns on the blackboard, and removes the previous note; says what it received."""
    state = turn.state
    yield TextDelta("nothing" if state is None else f"{state.version} {state.blackboard} {state.scratchpad}")
    if state is not None:
        n = len(turn.history) // 2
        yield StateChange("blackboard", {"turns": n + 1, f"turn{n}": True, f"turn{n - 1}": None})
        yield StateChange("scratchpad", {"a": 1})
        yield StateChange("scratchpad", {"a": 2})


async def writes_much(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Writes as many characters into the state as requested."""
    yield TextDelta("done")
    yield StateChange("attributes", {f"at{turn.seq}": "x" * int(turn.text)})


async def writes_and_waits(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Changes the state, starts to answer, and never ends; answers a second question at once."""
    yield StateChange("scratchpad", {turn.text: True})
    yield TextDelta("I began.")
    if turn.seq == 1:
        await asyncio.Event().wait()


async def fails(turn: Turn) -> AsyncIterator[AgentEvent]:
    """Changes the state and then fails, on its first attempt."""
    yield StateChange("scratchpad", {f"attempt {turn.attempt}": True})
    if turn.attempt == 1:
        raise RuntimeError("as it was told")
    yield TextDelta("done")
