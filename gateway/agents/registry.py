"""The table of agent kinds, and the agents built from the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from gateway.agents.a2a.settings import A2AAgentSettings
from gateway.agents.agno.settings import AgnoAgentSettings
from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.demo.agent import DemoAgent
from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.http.settings import HttpAgentSettings
from gateway.agents.installed import build_installed
from gateway.agents.langgraph.settings import LangGraphAgentSettings
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.pydantic_ai.settings import PydanticAIAgentSettings
from gateway.agents.python.agent import PythonAgent
from gateway.agents.python.settings import PythonAgentSettings
from gateway.agents.python.target import load_target
from gateway.core.model import AgentName
from gateway.core.ports.agent_data import AgentDataStore, NoAgentData
from gateway.core.ports.agents import Agent, TurnTerms
from gateway.core.settings import Turns
from gateway.errors import MissingPiece

AgentSettings = Annotated[
    DemoAgentSettings
    | PythonAgentSettings
    | OpenAIAgentSettings
    | HttpAgentSettings
    | A2AAgentSettings
    | PydanticAIAgentSettings
    | ClaudeAgentSettings
    | LangGraphAgentSettings
    | AgnoAgentSettings,
    Field(discriminator="kind"),
]
"""The settings of an agent of any kind; those of a package's kind derive from `InstalledAgentSettings`."""

NOTHING_KEPT = NoAgentData()


def build_agents(
    agents: Mapping[str, AgentSettings], turns: Turns, data: AgentDataStore = NOTHING_KEPT
) -> dict[AgentName, Agent]:
    """Builds every agent in the settings, by name. `data`: where agents keep what their frameworks need.

    Raises `SettingsError` for settings an agent cannot be built from, `MissingPiece` for a kind whose library is not installed.
    """
    return {
        AgentName(name): _built(AgentName(name), settings, terms_of(settings, turns), data)
        for name, settings in agents.items()
    }


def terms_of(settings: AgentSettings, turns: Turns) -> TurnTerms:
    """Returns how an agent's turns are run."""
    return TurnTerms(
        strategy=settings.multitask_strategy,
        collect=settings.collect,
        timeout=timedelta(seconds=turns.timeout_s if settings.timeout_s is None else settings.timeout_s),
        history=settings.history,
        history_tokens=settings.history_tokens,
        max_waiting=turns.max_waiting,
        state=settings.state,
        apologies=settings.apologies,
        approvers=settings.approvers,
        fallback=None if settings.fallback is None else AgentName(settings.fallback),
        breaker_failures=settings.breaker_failures,
        breaker_pause=timedelta(seconds=settings.breaker_pause_s),
    )


def _built(name: AgentName, settings: AgentSettings, terms: TurnTerms, data: AgentDataStore) -> Agent:
    installed = build_installed(name, settings)
    return _build(name, settings, terms, data) if installed is None else installed


def _build(  # noqa: C901, PLR0911 - a table
    name: AgentName, settings: AgentSettings, terms: TurnTerms, data: AgentDataStore
) -> Agent:
    """The table of kinds; those with a library of their own are imported at the first use."""
    match settings:
        case DemoAgentSettings():
            return DemoAgent(settings.delay_s)
        case PythonAgentSettings():
            return PythonAgent(name, load_target(name, settings.target))
        case OpenAIAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.openai.agent import build as build_openai  # noqa: PLC0415
            return build_openai(name, settings, terms.timeout)
        case HttpAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.http.agent import build as build_http  # noqa: PLC0415
            return build_http(name, settings, terms.timeout)
        case A2AAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.a2a.agent import build as build_a2a  # noqa: PLC0415
            return build_a2a(name, settings, terms.timeout)
        case PydanticAIAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.pydantic_ai.build import build as build_pydantic_ai  # noqa: PLC0415
            return build_pydantic_ai(name, settings, terms.timeout, data)
        case ClaudeAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.claude.agent import build as build_claude  # noqa: PLC0415
            return build_claude(name, settings, data)
        case LangGraphAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.langgraph.agent import build as build_langgraph  # noqa: PLC0415
            return build_langgraph(name, settings)
        case AgnoAgentSettings():
            with _library(name, settings.kind):
                from gateway.agents.agno.agent import build as build_agno  # noqa: PLC0415
            return build_agno(name, settings)


@contextmanager
def _library(name: AgentName, kind: str) -> Iterator[None]:
    """Around the import of a kind whose library is an optional extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPiece(
            f"agents.{name} is of kind {kind}, whose library is not installed. Run: pip install 'turngate[{kind}]'"
        ) from error
