"""The files in examples/ work."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agents.registry import build_agents
from gateway.config import load_settings
from gateway.core.events import TextDelta
from gateway.core.model import AgentName
from tests.unit.agents.turns import events_of, text_of, turn

EXAMPLES = Path(__file__).parents[3] / "examples"


pytestmark = pytest.mark.usefixtures("own_path")


async def test_the_python_agents_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function answers at once, the generator in pieces."""
    monkeypatch.chdir(EXAMPLES / "python_agent")
    settings = load_settings(Path("turngate.toml"))
    agents = build_agents(settings.agents, settings.turns)
    assert await text_of(agents[AgentName(settings.default_agent)].run(turn("hello"))) == "HELLO"
    told = await events_of(agents[AgentName("storyteller")].run(turn("a", "b", "once upon a time")))
    assert sum(isinstance(event, TextDelta) for event in told) > 3


def test_the_settings_for_a_model_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key, both agents can be built."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    settings = load_settings(EXAMPLES / "openai_server" / "turngate.toml")
    assert list(build_agents(settings.agents, settings.turns)) == ["assistant", "local"]
