"""Runs agents as a gateway does, and waits for them with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from gateway.core.events import AgentEvent, TextDelta
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent, Closing
from gateway.errors import AgentError
from turngate.testing.agents.subject import Provider
from turngate.testing.waiting import PATIENCE_S

ROUND_S = 0.01
ROUNDS = 100
"""A second in steps, each of which the event loop has to take: on a machine that stands still, it does not pass either."""


@asynccontextmanager
async def new_agent(provider: Provider) -> AsyncIterator[Agent]:
    """A new agent object, closed on exit."""
    agent = provider.agent()
    try:
        yield agent
    finally:
        if isinstance(agent, Closing):
            await agent.aclose()


async def events_of(agent: Agent, turn: Turn, heard: list[AgentEvent] | None = None) -> list[AgentEvent]:
    """Returns everything the agent yields; adds it to `heard`, too, which keeps it if the agent fails."""
    heard = [] if heard is None else heard
    async with asyncio.timeout(PATIENCE_S):
        events = agent.run(turn)
        try:
            async for event in events:
                heard.append(event)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
    return heard


async def reply_of(agent: Agent, turn: Turn) -> str:
    """Returns the agent's answer as one text."""
    return text_of(await events_of(agent, turn))


def text_of(events: Iterable[AgentEvent]) -> str:
    """Returns the text among the events."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def failure_of(agent: Agent, turn: Turn, heard: list[AgentEvent] | None = None) -> AgentError:
    """Returns the `AgentError` that the turn ends with."""
    try:
        events = await events_of(agent, turn, heard)
    except AgentError as error:
        return error
    except TimeoutError as error:
        raise AssertionError(f"nothing happened within {PATIENCE_S:.0f} s; an AgentError was expected") from error
    except Exception as error:
        raise AssertionError(f"an AgentError was expected, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"an AgentError was expected, and the answer was {text_of(events)[:200]!r}")


async def until_seen(ask: Callable[[], Awaitable[bool]], what: str) -> None:
    """Returns once the answer is yes; fails after some seconds."""
    for _ in range(3 * ROUNDS):
        if await ask():
            return
        await asyncio.sleep(ROUND_S)
    raise AssertionError(f"this was never seen: {what}")


async def ends_soon(task: asyncio.Task[object], what: str) -> None:
    """Cancels the task, and fails unless it ends within a second: a gateway abandons an agent then."""
    task.cancel()
    for _ in range(ROUNDS):
        if task.done():
            return
        await asyncio.sleep(ROUND_S)
    raise AssertionError(f"{what} did not end within {ROUNDS * ROUND_S:.0f} s after it was cancelled")
