"""The cases for what an agent knows of a conversation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

from gateway.core.events import AgentEvent, AgentSession
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent, Branching
from turngate.testing.agents.running import events_of, new_agent, text_of
from turngate.testing.agents.subject import AgentUnderTest, Provider
from turngate.testing.agents.turns import new_turn

LONGEST_NAME = 1_000
"""Characters of the name of an agent's own session."""


async def the_history_is_carried(agent: AgentUnderTest) -> None:
    """The agent knows what was said earlier in the conversation."""
    async with agent.opens() as provider, new_agent(provider) as running:
        word = _word()
        known = await _recalled(provider, running, new_turn(word, "I see.", await provider.recalls()))
        assert word in known, f"the agent does not know the message before: {known[:200]!r}"


async def conversations_are_kept_apart(agent: AgentUnderTest) -> None:
    """Of two turns at the same time, each knows its own conversation only."""
    async with agent.opens() as provider, new_agent(provider) as running:
        words, text = (_word(), _word()), await provider.recalls()
        known = await asyncio.gather(*(_recalled(provider, running, new_turn(word, "I see.", text)) for word in words))
        for own, other, told in zip(words, reversed(words), known, strict=True):
            assert own in told, "one of two conversations at the same time is not known"
            assert other not in told, "one conversation got into another"


async def a_session_is_reported(agent: AgentUnderTest) -> None:
    """The first turn names the framework's conversation; two conversations have two names."""
    async with agent.opens() as provider, new_agent(provider) as running:
        text = await provider.answers()
        names = [_name_in(await events_of(running, new_turn(text))) for _ in range(2)]
        assert all(1 <= len(name) <= LONGEST_NAME for name in names), f"a name has no or too many characters: {names}"
        assert len(set(names)) == 2, f"two conversations have one name: {names[0]!r}"


async def a_session_is_resumed_after_a_restart(agent: AgentUnderTest) -> None:
    """Another agent object, as on another replica, continues the conversation that the first one named."""
    async with agent.opens() as provider:
        word = _word()
        name = await _began(provider, word)
        assert word in await _known_in(provider, name), "the conversation was not continued by a new agent object"


async def what_a_session_missed_is_caught_up(agent: AgentUnderTest) -> None:
    """An operator's reply after the agent's latest one (`turn.unseen`) is known to the framework's conversation as well."""
    async with agent.opens() as provider, new_agent(provider) as running:
        before, missed = _word(), _word()
        name = await _began(provider, before)
        turn = new_turn(before, "I see.", "Can a person help?", missed, await provider.recalls(), agent_session=name)
        by_operator = replace(turn.history[-1], kind="human")
        known = await _recalled(provider, running, replace(turn, history=(*turn.history[:-1], by_operator)))
        assert before in known, "the conversation was not continued"
        assert missed in known, "what was said by a person in between is not known"


async def sessions_are_kept_apart(agent: AgentUnderTest) -> None:
    """What was said in one of the framework's conversations is not known in another."""
    async with agent.opens() as provider:
        one, other = _word(), _word()
        name, _ = await _began(provider, one), await _began(provider, other)
        known = await _known_in(provider, name)
        assert one in known, "the conversation was not continued"
        assert other not in known, "one conversation got into another"


async def a_fork_leaves_its_parent_alone(agent: AgentUnderTest) -> None:
    """The copy knows what was said before, and the parent does not learn what is said in the copy."""
    async with agent.opens() as provider, new_agent(provider) as running:
        before, after = _word(), _word()
        parent = await _began(provider, before)
        assert isinstance(running, Branching), "the agent has no fork(name) and forget(name)"
        copy = await running.fork(parent)
        assert copy is not None, "fork returned None"
        assert copy != parent, "the copy has its parent's name"
        copy = await _began(provider, after, copy)
        assert before in await _known_in(provider, copy), "the copy does not know what was said before"
        known = await _known_in(provider, parent)
        assert before in known, "the parent no longer knows what was said in it"
        assert after not in known, "the parent knows what was said in its copy"


async def forgetting_spares_others(agent: AgentUnderTest) -> None:
    """A conversation can be deleted, also twice, and others stay."""
    async with agent.opens() as provider, new_agent(provider) as running:
        word = _word()
        gone, kept = await _began(provider, _word()), await _began(provider, word)
        assert isinstance(running, Branching), "the agent has no fork(name) and forget(name)"
        for _ in range(2):
            await running.forget(gone)
        assert word in await _known_in(provider, kept), "another conversation went with the deleted one"


def _word() -> str:
    """A message that is like no other."""
    return f"The word is {uuid4().hex}."


async def _began(provider: Provider, word: str, name: str | None = None) -> str:
    """Says the word in a conversation, a new one by default; returns its name from then on."""
    await provider.answers()
    async with new_agent(provider) as agent:
        events = await events_of(agent, new_turn(word, agent_session=name))
    return name if name is not None and not _names_in(events) else _name_in(events)


async def _known_in(provider: Provider, name: str) -> str:
    """What a new agent object knows of a conversation if it receives only its name."""
    async with new_agent(provider) as agent:
        return await _recalled(provider, agent, replace(new_turn(await provider.recalls()), agent_session=name))


async def _recalled(provider: Provider, agent: Agent, turn: Turn) -> str:
    return await provider.recalled(turn, text_of(await events_of(agent, turn)))


def _names_in(events: list[AgentEvent]) -> list[str]:
    return [event.name for event in events if isinstance(event, AgentSession)]


def _name_in(events: list[AgentEvent]) -> str:
    names = _names_in(events)
    assert names, "no AgentSession was reported"
    return names[-1]
