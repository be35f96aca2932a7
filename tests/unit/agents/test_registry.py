"""Agents from settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.agents.demo.settings import DemoAgentSettings
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.registry import build_agents, terms_of
from gateway.config import Settings
from gateway.core.ports.agents import TurnTerms
from gateway.core.settings import Turns
from gateway.errors import SettingsError


def test_one_demo_agent_by_default() -> None:
    """Without settings, there is an assistant of kind demo."""
    assert list(build_agents(Settings().agents, Turns())) == ["assistant"]


def test_terms_of_an_agent() -> None:
    """An agent's own time limit takes precedence over the general one."""
    settings = DemoAgentSettings(kind="demo", timeout_s=7, history=3, multitask_strategy="reject", collect=True)
    assert terms_of(settings, Turns()) == TurnTerms("reject", collect=True, timeout=timedelta(seconds=7), history=3)


def test_terms_by_default() -> None:
    """Without one of its own, the general time limit applies."""
    assert terms_of(DemoAgentSettings(kind="demo"), Turns(timeout_s=9)).timeout == timedelta(seconds=9)


def test_names_the_agent_that_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the key of the agent."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match=r"agents\.clever\.api_key"):
        build_agents({"clever": OpenAIAgentSettings(kind="openai", model="gpt-4o")}, Turns())
