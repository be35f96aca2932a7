"""Builds agents of kind `openai`."""

from __future__ import annotations

from pydantic import SecretStr

from gateway.agents.openai.agent import OpenAIAgent
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import AgentName
from gateway.core.settings import Turns

KEY = "sk-secret-of-this-test"


def build(base_url: str | None, *, timeout_s: float = 30, **keys: object) -> OpenAIAgent:
    """Builds the agent from settings."""
    settings = OpenAIAgentSettings.model_validate(
        {
            "kind": "openai",
            "model": "gpt-4o",
            "api_key": SecretStr(KEY),
            "base_url": base_url,
            "timeout_s": timeout_s,
            **keys,
        }
    )
    built = build_agents({"assistant": settings}, Turns())[AgentName("assistant")]
    assert isinstance(built, OpenAIAgent)
    return built
