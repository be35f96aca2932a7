"""The cases for providers that fail, and for further attempts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from dataclasses import replace
from traceback import format_exception_only
from typing import get_args

from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from gateway.errors import AgentError, ErrorClass
from turngate.testing.agents.running import ROUND_S, events_of, failure_of, new_agent, reply_of
from turngate.testing.agents.subject import AgentUnderTest, Fault
from turngate.testing.agents.turns import new_turn
from turngate.testing.waiting import PATIENCE_S

MOST_ATTEMPTS = 3
SHORT_S = 1.0
LATEST_S = 3.0
"""Seconds by which an agent certainly should have given up a turn of `SHORT_S`."""


async def another_attempt_is_answered(agent: AgentUnderTest) -> None:
    """A turn can be run again, whether its first attempt was complete or ended after its first event."""
    async with agent.opens() as provider, new_agent(provider) as running:
        text = await provider.answers()
        for whole in (True, False):
            turn = new_turn(text)
            await _begun(running, turn, whole=whole)
            reply = await reply_of(running, replace(turn, attempt=2))
            assert reply.strip(), f"no text in the second attempt after a {'complete' if whole else 'broken'} first one"


async def the_turn_is_the_idempotency_key(agent: AgentUnderTest) -> None:
    """All requests for a turn carry its id, in each of its attempts; those for another turn carry another."""
    async with agent.opens() as provider, new_agent(provider) as running:
        text = await provider.answers()
        one, other = new_turn(text), new_turn(text)
        for turn in (one, replace(one, attempt=2), other):
            before = len(await provider.keys())
            await events_of(running, turn)
            keys = list(await provider.keys())[before:]
            assert keys, "nothing reached the provider"
            assert set(keys) == {turn.idempotency_key}, f"the keys are {keys}, and the turn's is {turn.idempotency_key}"


async def a_passing_fault_passes(agent: AgentUnderTest) -> None:
    """If the provider fails once, an attempt at the same turn succeeds, the first or a later one."""
    async with agent.opens() as provider, new_agent(provider) as running:
        turn = new_turn(await provider.fails("stumbles"))
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                reply = await reply_of(running, replace(turn, attempt=attempt))
            except AgentError as error:
                _may_be_retried(error)
            else:
                assert reply.strip(), "the answer has no text"
                return
        raise AssertionError(f"{MOST_ATTEMPTS} attempts failed, and the provider only did once")


async def a_busy_provider_is_not_waited_for(agent: AgentUnderTest) -> None:
    """An agent that is to come back in an hour ends its attempt, as `rate_limited`."""
    await _fails(agent, "busy", {"rate_limited"}, retryable=True)


async def the_deadline_is_kept(agent: AgentUnderTest) -> None:
    """An agent that tries again ends, with what is wrong, when the turn's time is over (`turn.remaining_s`)."""
    async with agent.opens() as provider, new_agent(provider) as running:
        turn = new_turn(await provider.fails("down"), seconds=SHORT_S)
        run = asyncio.create_task(failure_of(running, turn))
        for _ in range(int(LATEST_S / ROUND_S)):
            if run.done():
                break
            await asyncio.sleep(ROUND_S)
        run.cancel()
        await asyncio.wait([run])
        assert not run.cancelled(), f"the turn had {SHORT_S} s, and the agent was still trying after {LATEST_S} s"
        run.result()


async def a_provider_that_is_down_is_unavailable(agent: AgentUnderTest) -> None:
    """It is the provider's fault, and another attempt may succeed."""
    await _fails(agent, "down", {"unavailable", "timeout"}, retryable=True)


async def wrong_credentials_are_misconfigured(agent: AgentUnderTest) -> None:
    """Another attempt is pointless, and users learn no more than that the agent is misconfigured."""
    await _fails(agent, "refuses", {"misconfigured"}, retryable=False)


async def a_cut_answer_is_an_error(agent: AgentUnderTest) -> None:
    """An answer that broke off is not taken for a whole one, and another attempt may succeed."""
    await _fails(agent, "cuts", frozenset(get_args(ErrorClass)), retryable=True)


async def a_slow_first_word_is_waited_for(agent: AgentUnderTest) -> None:
    """A provider may think for a while."""
    async with agent.opens() as provider, new_agent(provider) as running:
        assert (await reply_of(running, new_turn(await provider.fails("slow")))).strip(), "the answer has no text"


async def _fails(agent: AgentUnderTest, fault: Fault, classes: Collection[str], *, retryable: bool) -> None:
    async with agent.opens() as provider, new_agent(provider) as running:
        error = await failure_of(running, new_turn(await provider.fails(fault)))
        assert error.error_class in classes, f"the error's class is {error.error_class}, not {' or '.join(classes)}"
        _may_be_retried(error, retryable=retryable)
        assert str(error).strip(), "the error has no text"
        for secret in agent.secrets:
            assert secret not in "".join(format_exception_only(error)), "the error contains a secret"


def _may_be_retried(error: AgentError, *, retryable: bool = True) -> None:
    assert error.retryable is retryable, f"the error's `retryable` is {error.retryable}: {error}"


async def _begun(agent: Agent, turn: Turn, *, whole: bool) -> None:
    """Runs the turn, as a whole or until its first event."""
    if whole:
        await events_of(agent, turn)
        return
    async with asyncio.timeout(PATIENCE_S):
        events = agent.run(turn)
        try:
            async for _ in events:
                return
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
