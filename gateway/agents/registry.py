"""The table of agent kinds, and the agents built from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from gateway.agents.a2a.settings import A2AAgentSettings
from gateway.agents.demo.agent import DemoAgent
from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.http.settings import HttpAgentSettings
from gateway.agents.installed import build_installed
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
    | PydanticAIAgentSettings,
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
        max_waiting=turns.max_waiting,
        state=settings.state,
        apologies=settings.apologies,
    )


def _built(name: AgentName, settings: AgentSettings, terms: TurnTerms, data: AgentDataStore) -> Agent:
    installed = build_installed(name, settings)
    return _build(name, settings, terms, data) if installed is None else installed


def _build(name: AgentName, settings: AgentSettings, terms: TurnTerms, data: AgentDataStore) -> Agent:
    """The table: one line per kind; kinds with a library of their own are imported on first use."""
    match settings:
        case DemoAgentSettings():
            return DemoAgent(settings.delay_s)
        case PythonAgentSettings():
            return PythonAgent(name, load_target(name, settings.target))
        case OpenAIAgentSettings():
            return _build_openai(name, settings, terms)
        case HttpAgentSettings():
            return _build_http(name, settings, terms)
        case A2AAgentSettings():
            return _build_a2a(name, settings, terms)
        case PydanticAIAgentSettings():
            return _build_pydantic_ai(name, settings, terms, data)


def _build_openai(name: AgentName, settings: OpenAIAgentSettings, terms: TurnTerms) -> Agent:
    try:
        from gateway.agents.openai.agent import build  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise _missing_library(name, settings.kind) from error
    return build(name, settings, terms.timeout)


def _build_http(name: AgentName, settings: HttpAgentSettings, terms: TurnTerms) -> Agent:
    try:
        from gateway.agents.http.agent import build  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise _missing_library(name, settings.kind) from error
    return build(name, settings, terms.timeout)


def _build_a2a(name: AgentName, settings: A2AAgentSettings, terms: TurnTerms) -> Agent:
    try:
        from gateway.agents.a2a.agent import build  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise _missing_library(name, settings.kind) from error
    return build(name, settings, terms.timeout)


def _build_pydantic_ai(
    name: AgentName, settings: PydanticAIAgentSettings, terms: TurnTerms, data: AgentDataStore
) -> Agent:
    try:
        from gateway.agents.pydantic_ai.build import build  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise _missing_library(name, settings.kind) from error
    return build(name, settings, terms.timeout, data)


def _missing_library(name: AgentName, kind: str) -> MissingPiece:
    return MissingPiece(
        f"agents.{name} is of kind {kind}, whose library is not installed. Run: pip install 'turngate[{kind}]'"
    )
