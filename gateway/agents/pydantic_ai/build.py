"""Builds the agent from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import openai
from openai import AsyncOpenAI
from pydantic_ai import Agent, NativeOutput, PromptedOutput, UserError
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers.openai import OpenAIProvider

from gateway.agents.pydantic_ai.agent import AnyAgent, PydanticAIAgent
from gateway.agents.pydantic_ai.conversation import Depth
from gateway.agents.pydantic_ai.settings import PydanticAIAgentSettings
from gateway.agents.python.target import load_object, wrong_target
from gateway.core.model import AgentName, Turn
from gateway.core.ports.agent_data import AgentDataStore
from gateway.errors import SettingsError

CONNECT_S = 10.0
OPENAI = frozenset({"openai", "openai-chat", "openai-responses"})
NO_KEY = "not-needed"
"""Sent to a server that needs no key, as the client requires one."""


def build(
    name: AgentName, settings: PydanticAIAgentSettings, patience: timedelta, data: AgentDataStore
) -> PydanticAIAgent:
    """Raises `SettingsError` for a target that is no agent, or a model that cannot be used."""
    depth = Depth(settings.history, settings.history_tokens)
    if settings.target is not None:
        agent = _agent_at(name, settings.target)
        return PydanticAIAgent(name, agent, data, depth, speaks=_speaks(agent.output_type))
    client = _client(settings, patience)
    tools = [MCPToolset[Turn | None](url) for url in settings.mcp]
    agent = Agent(_model(name, settings, client), instructions=settings.instructions, toolsets=tools, deps_type=Turn)
    return PydanticAIAgent(name, agent, data, depth, client=client)


def _agent_at(name: AgentName, target: str) -> AnyAgent:
    key = f"agents.{name}.target"
    found = load_object(key, target)
    if not isinstance(found, Agent):
        raise wrong_target(key, target, f"it is {type(found).__name__}; it should be an Agent of pydantic_ai")
    return found


def _speaks(output: object) -> bool:
    """Whether the model's text is an answer; with these kinds of output it is JSON."""
    if isinstance(output, Sequence) and not isinstance(output, str):
        return all(map(_speaks, output))
    return not isinstance(output, NativeOutput | PromptedOutput)


def _client(settings: PydanticAIAgentSettings, patience: timedelta) -> AsyncOpenAI | None:
    """The connections to a server of OpenAI's API; None if the library is to make them."""
    if settings.base_url is None and settings.api_key is None:
        return None
    key = settings.api_key.get_secret_value() if settings.api_key else None
    timeout = openai.Timeout(patience.total_seconds(), connect=CONNECT_S)
    try:
        return AsyncOpenAI(api_key=key, base_url=settings.base_url, timeout=timeout)
    except openai.OpenAIError:
        return AsyncOpenAI(api_key=NO_KEY, base_url=settings.base_url, timeout=timeout)


def _model(name: AgentName, settings: PydanticAIAgentSettings, client: AsyncOpenAI | None) -> Model:
    try:
        if client is None:
            return infer_model(settings.model or "")
        return infer_model(_of_openai(name, settings), lambda _: OpenAIProvider(openai_client=client))
    except (UserError, ImportError, ValueError) as error:
        raise SettingsError(f"agents.{name}.model is {settings.model!r}, but {error}") from error


def _of_openai(name: AgentName, settings: PydanticAIAgentSettings) -> str:
    """A server that is named by its URL has chat completions, unless the model's name says otherwise."""
    provider, _, model = (settings.model or "").rpartition(":")
    if provider and provider not in OPENAI:
        raise SettingsError(
            f"agents.{name}.model is {settings.model!r}, but base_url and api_key are for servers with OpenAI's API. "
            f"Write openai:{model}, or set the key in the variable of {provider}."
        )
    if settings.base_url is not None and provider != "openai-responses":
        return f"openai-chat:{model}"
    return f"{provider or 'openai'}:{model}"
