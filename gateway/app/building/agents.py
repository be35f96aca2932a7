"""The configured agents, and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.agents.registry import build_agents, terms_of
from gateway.api.parts import AgentInfo
from gateway.config import Settings
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.settings import Budget
from gateway.core.limits.shares import Shares
from gateway.core.model import AgentName
from gateway.core.ports.agent_data import AgentDataStore
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.errors import NotFound


@dataclass(frozen=True, slots=True)
class ConfiguredAgents:
    """The agents, and the settings they were built from."""

    settings: Settings
    agents: Mapping[AgentName, Agent]
    terms: Mapping[AgentName, TurnTerms]

    @property
    def names(self) -> list[AgentName]:
        """The default agent first."""
        return sorted(self.agents, key=lambda name: name != self.settings.default_agent)

    @property
    def descriptions(self) -> Mapping[AgentName, str | None]:
        """For users who choose an agent, the default one first."""
        return {name: self.settings.agents[name].description for name in self.names}

    @property
    def title_agents(self) -> Mapping[AgentName, AgentName]:
        """Which agent names the sessions of another."""
        agents = self.settings.agents.items()
        return {
            AgentName(name): AgentName(given.title_agent) for name, given in agents if given.title_agent is not None
        }

    @property
    def concurrency(self) -> Mapping[AgentName, int]:
        """The concurrency of agents that have a limit of their own."""
        agents = self.settings.agents.items()
        return {AgentName(name): given.concurrency for name, given in agents if given.concurrency is not None}

    @property
    def budgets(self) -> Mapping[AgentName, Budget]:
        """The agents' own budgets."""
        return {
            AgentName(name): Budget(cost_per_day=given.cost_per_day, tokens_per_day=given.tokens_per_day)
            for name, given in self.settings.agents.items()
        }

    def slots(self) -> FairSlots:
        """The slots that turns wait for."""
        limits = {str(name): limit for name, limit in self.concurrency.items()}
        return FairSlots(Shares(self.settings.turns.concurrency, limits, agents_share=len(self.agents) > 1))

    def infos(self) -> tuple[AgentInfo, ...]:
        """As the API lists them, the default agent first."""
        given = self.settings.agents
        return tuple(
            AgentInfo(name, given[name].kind, given[name].description, self.terms[name]) for name in self.names
        )

    def terms_of(self, name: AgentName) -> TurnTerms:
        """Raises `NotFound`."""
        if (terms := self.terms.get(name)) is None:
            raise NotFound(f"There is no agent {name} in the settings.")
        return terms


def configured_agents(settings: Settings, data: AgentDataStore) -> ConfiguredAgents:
    """Raises `SettingsError` for an agent that cannot be built from the settings."""
    terms = {AgentName(name): terms_of(agent, settings.turns) for name, agent in settings.agents.items()}
    return ConfiguredAgents(settings, build_agents(settings.agents, settings.turns, data), terms)
