"""The cases for answers that nobody waits for any more."""

from __future__ import annotations

import asyncio

from gateway.core.events import AgentEvent
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from turngate.testing.agents.running import ROUND_S, ROUNDS, ends_soon, events_of, new_agent, reply_of, until_seen
from turngate.testing.agents.subject import AgentUnderTest
from turngate.testing.agents.turns import new_turn


async def a_cancelled_run_ends(agent: AgentUnderTest) -> None:
    """It ends within a second, whatever the agent waits for, and the next turn is answered."""
    async with agent.opens() as provider, new_agent(provider) as running:
        await _cancelled(running, new_turn(await provider.waits()))
        assert (await reply_of(running, new_turn(await provider.answers()))).strip(), "the next turn has no answer"


async def cancelling_reaches_the_provider(agent: AgentUnderTest) -> None:
    """The provider learns that nobody waits for the rest of its answer."""
    async with agent.opens() as provider, new_agent(provider) as running:
        await _cancelled(running, new_turn(await provider.waits()))
        await until_seen(provider.hung_up, "the provider is no longer busy after its turn was cancelled")


async def a_silent_provider_can_be_left(agent: AgentUnderTest) -> None:
    """A run that has not received anything ends within a second, too: this is what happens when a turn's time is up."""
    async with agent.opens() as provider, new_agent(provider) as running:
        await _cancelled(running, new_turn(await provider.fails("silent")))


async def it_holds_up_nobody(agent: AgentUnderTest) -> None:
    """While the agent waits for its provider, the event loop is free."""
    async with agent.opens() as provider, new_agent(provider) as running:
        run = asyncio.create_task(events_of(running, new_turn(await provider.fails("slow"))))
        rounds = 0
        while not run.done():
            await asyncio.sleep(ROUND_S)
            rounds += 1
        await run
        assert rounds >= ROUNDS // 20, f"the event loop got {rounds} turns while the agent waited about a second"


async def _cancelled(agent: Agent, turn: Turn) -> None:
    """Cancels the turn when its first event is there, or after a second without one."""
    heard: list[AgentEvent] = []
    run = asyncio.create_task(events_of(agent, turn, heard))
    for _ in range(ROUNDS):
        if heard or run.done():
            break
        await asyncio.sleep(ROUND_S)
    assert not run.done(), f"the answer was to take minutes, and is there: {run}"
    await ends_soon(run, "the run")
