"""The files in examples/ work."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.agents.registry import build_agents
from gateway.config import Settings, load_settings
from gateway.core.events import AgentSession, TextDelta
from gateway.core.model import AgentName
from gateway.core.ports.agents import Closing
from gateway.errors import AgentError
from tests.unit.agents.turns import events_of, text_of, turn
from tests.world import eventually

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


async def test_the_agent_of_pydantic_ai_throws_dice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key: the library's own test model calls the tool, which knows who is asking."""
    monkeypatch.chdir(EXAMPLES / "pydantic_ai_agent")
    monkeypatch.delenv("MODEL", raising=False)
    settings = load_settings(Path("turngate.toml"))
    agents = build_agents(settings.agents, settings.turns)
    assert "ann threw" in await text_of(agents[AgentName(settings.default_agent)].run(turn("throw")))


@pytest.mark.parametrize("folder", ["langgraph_agent", "agno_agent"])
async def test_frameworks_count(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """They keep the conversation themselves: the second turn brings its id, and no history."""
    monkeypatch.chdir(EXAMPLES / folder)
    settings = load_settings(Path("turngate.toml"))
    agent = build_agents(settings.agents, settings.turns)[AgentName(settings.default_agent)]
    first = await events_of(agent.run(turn("hello")))
    [session] = [event.name for event in first if isinstance(event, AgentSession)]
    again = await events_of(agent.run(replace(turn("again"), agent_session=session)))
    assert [event.text for event in again if isinstance(event, TextDelta)] == ["You have asked 2 times."]


def test_the_settings_for_a_model_are_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key, both agents can be built."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test")
    settings = load_settings(EXAMPLES / "openai_server" / "turngate.toml")
    assert list(build_agents(settings.agents, settings.turns)) == ["assistant", "local"]


async def test_the_http_agent_answers(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """The server streams an answer to the gateway, which has the same secret, and refuses anybody else."""
    secret = "whsec_" + "c2VjcmV0" * 5
    monkeypatch.setenv("TURNGATE_AGENTS__ASSISTANT__SECRET", secret)
    settings = load_settings(EXAMPLES / "http_agent" / "turngate.toml")
    command = (sys.executable, str(EXAMPLES / "http_agent" / "server.py"))
    async with serving(*command, port=unused_tcp_port, AGENT_SECRET=secret, PORT=str(unused_tcp_port)):
        assert await said(settings, unused_tcp_port) == "You said: hello "
        with pytest.raises(AgentError, match="401"):
            await said(settings, unused_tcp_port, secret=SecretStr("whsec_" + "b3RoZXJz" * 5))


async def test_the_a2a_agent_answers(unused_tcp_port: int) -> None:
    """The agent's task is the gateway's answer."""
    settings = load_settings(EXAMPLES / "a2a_agent" / "turngate.toml")
    command = (sys.executable, str(EXAMPLES / "a2a_agent" / "server.py"))
    async with serving(*command, port=unused_tcp_port, PORT=str(unused_tcp_port)):
        assert await said(settings, unused_tcp_port, path="") == "You said: hello "


async def said(settings: Settings, port: int, path: str = "/turn", **keys: object) -> str:
    """What the example's agent answers, with its server on that port."""
    known = settings.agents["assistant"]
    moved = known.model_copy(update={"url": f"http://127.0.0.1:{port}{path}", **keys})
    agent = build_agents({"assistant": moved}, settings.turns)[AgentName("assistant")]
    assert isinstance(agent, Closing)
    try:
        return await text_of(agent.run(turn("hello")))
    finally:
        await agent.aclose()


@asynccontextmanager
async def serving(*command: str, port: int, **variables: str) -> AsyncIterator[None]:
    """A program that listens on a port of this machine, until the block ends."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **variables}, stdout=DEVNULL)
    try:
        await eventually(lambda: _listens(port))
        yield
    finally:
        process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
