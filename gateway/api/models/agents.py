"""Agents."""

from __future__ import annotations

from typing import Self

from gateway.api.models.common import Answer
from gateway.api.parts import AgentInfo
from gateway.core.model import MultitaskStrategy


class Agent(Answer):
    """An agent that answers messages."""

    name: str
    kind: str
    description: str | None
    is_default: bool

    @classmethod
    def chosen(cls, agent: AgentInfo, default: str) -> Self:
        """The agent as listed. `default`: the name of the default agent."""
        return cls(name=agent.name, kind=agent.kind, description=agent.description, is_default=agent.name == default)


class AgentInDetail(Agent):
    """An agent, how its turns are run, and how many sessions the caller has with it."""

    multitask_strategy: MultitaskStrategy
    collect: bool
    timeout_s: float
    history: int
    session_count: int


class Agents(Answer):
    """All agents, the default one first."""

    agents: tuple[Agent, ...]
