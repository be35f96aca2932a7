"""Agents of kind `claude`: the real SDK and its program, with a server of Anthropic's API that says what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.registry import build_agents
from gateway.config import load_settings
from gateway.core.model import AgentName, JsonObject
from gateway.core.settings import Turns
from gateway.errors import SettingsError
from tests.fakes.model_api import ModelApi, model_api
from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.world import ROOT, Person, World, eventually

KEY = "sk-ant-secret-of-this-test"
OPTIONS = "tests.integration.agents.claude_options"
ADDS: JsonObject = {"name": "mcp__calc__add", "arguments": '{"a": 2, "b": 3}', "id": "toolu_1"}


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[ModelApi]:
    """A server without any planned responses."""
    (tmp_path / "fixtures").mkdir()
    async with model_api(tmp_path / "fixtures") as running:
        yield running


def agents(api: ModelApi, **keys: object) -> dict[str, Any]:
    """Settings of a gateway with one such agent."""
    agent = {"kind": "claude", "model": "claude-sonnet-4-5", "base_url": api.url, "api_key": KEY, **keys}
    return {"agents": {"assistant": agent}}


async def mia_at(world: World, api: ModelApi, **keys: object) -> Person:
    """A user of that gateway."""
    return await world.person("mia", (await world.gateway(**agents(api, **keys))).url)


async def told(api: ModelApi) -> str:
    """Everything the model received in the last request, as one text."""
    return str((await api.requests())[-1].body)


async def test_a_conversation_is_resumed_by_the_sdks_own_id(world: World, api: ModelApi) -> None:
    """S-1, S-2: the first message begins it, the second continues it, and a restarted gateway knows it."""
    await api.answers("Hello, Mia.", to="hello")
    await api.answers("You said hello.", to="what did I say")
    mia = await mia_at(world, api, instructions="Be brief.")
    session = await talk(mia, "hello")
    [row] = await world.rows("SELECT agent_session FROM chat_sessions")
    assert await asks(mia, session, "what did I say?") == "You said hello."
    assert "Hello, Mia." in await told(api)
    assert "Be brief." in await told(api)
    later = await world.person("mia", (await world.gateway(data_dir="later", **agents(api))).url)
    await asks(later, session, "and what did I say then?")
    assert "You said hello." in await told(api)
    assert await world.rows("SELECT agent_session FROM chat_sessions") == [row]


async def test_a_fork_is_forked_there(world: World, api: ModelApi) -> None:
    """S-4: both know what was before; neither knows what the other is told later, and the fork outlives its parent."""
    await api.answers("Yes.")
    mia = await mia_at(world, api)
    session = await talk(mia, "the word is heron")
    fork = (await mia.posts(f"{SESSIONS}/{session}/fork", 201))["session_id"]
    await asks(mia, fork, "the fork's word is stork")
    assert "heron" in await told(api)
    await asks(mia, session, "well?")
    assert "heron" in await told(api)
    assert "stork" not in await told(api)
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    await asks(mia, fork, "still there?")
    assert "stork" in await told(api)
    names = await world.rows("SELECT DISTINCT agent_session FROM chat_sessions")
    kept = await world.rows("SELECT DISTINCT name FROM agent_data")
    assert [row["name"] for row in kept] == [row["agent_session"] for row in names]


async def test_an_edited_conversation_begins_anew_with_the_transcript(world: World, api: ModelApi) -> None:
    """The SDK's own conversation still contains the old text."""
    await api.answers("Yes.")
    mia = await mia_at(world, api)
    session = await talk(mia, "the word is heron")
    row = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][0]
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{row['id']}", json={"text": "the word is stork"})
    await asks(mia, session, "well?")
    assert "stork" in await told(api)
    assert "heron" not in await told(api)


async def test_tools_reasoning_and_usage_reach_the_transcript(world: World, api: ModelApi) -> None:
    """A tool of the author's own; what the model thought; what it cost."""
    await api.adds_fixture(
        {"userMessage": "sum", "hasToolResult": True}, {"content": "It is 5.", "reasoning": "2 and 3."}
    )
    await api.adds_fixture({"userMessage": "sum"}, {"toolCalls": [ADDS]})
    mia = await mia_at(world, api, target=f"{OPTIONS}:calculator")
    session = await talk(mia, "the sum of 2 and 3?")
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    assert reply["content"] == "It is 5."
    assert [part["type"] for part in reply["parts"]] == ["tool-mcp__calc__add", "reasoning", "text"]
    assert (reply["parts"][0]["input"], reply["parts"][0]["output"]) == ({"a": 2, "b": 3}, "5")
    [turn] = (await mia.gets(f"{SESSIONS}/{session}/turns"))["turns"]
    assert turn["usage"]["model"] == "claude-sonnet-4-5"


async def test_a_tool_that_is_not_allowed_does_not_run(world: World, api: ModelApi) -> None:
    """The model is told that it was refused, and answers without it."""
    await api.adds_fixture({"userMessage": "sum", "hasToolResult": True}, {"content": "I may not."})
    await api.adds_fixture({"userMessage": "sum"}, {"toolCalls": [ADDS]})
    mia = await mia_at(world, api, target=f"{OPTIONS}:forbidden")
    session = await talk(mia, "the sum of 2 and 3?")
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    assert (reply["content"], reply["parts"][0]["state"]) == ("I may not.", "output-error")


async def test_options_may_depend_on_the_turn(world: World, api: ModelApi) -> None:
    """A function returns them; the settings come on top."""
    await api.answers("Yes.")
    mia = await mia_at(world, api, target=f"{OPTIONS}:personal")
    await talk(mia, "hello")
    assert "You serve mia." in await told(api)


async def test_the_examples_clock_is_asked(world: World, api: ModelApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings and the tool of examples/claude_agent, with a server of the test's."""
    monkeypatch.syspath_prepend(ROOT / "examples" / "claude_agent")
    call: JsonObject = {"name": "mcp__clock__now", "arguments": "{}", "id": "toolu_1"}
    await api.adds_fixture({"userMessage": "time", "hasToolResult": True}, {"content": "Late."})
    await api.adds_fixture({"userMessage": "time"}, {"toolCalls": [call]})
    settings = load_settings(ROOT / "examples" / "claude_agent" / "turngate.toml")
    given = settings.agents["assistant"].model_dump(exclude_unset=True, exclude={"kind"})
    mia = await mia_at(world, api, **given)
    session = await talk(mia, "what time is it?")
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    assert reply["parts"][0]["output"].startswith("20")
    assert "You are talking to somebody." in await told(api)


async def test_the_program_gets_no_secrets_of_the_gateway(
    world: World, api: ModelApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tools can read its variables."""
    monkeypatch.setenv("SECRET_OF_THE_GATEWAY", "a secret")
    await api.adds_fixture({"userMessage": "show", "hasToolResult": True}, {"content": "Done."})
    bash: JsonObject = {
        "name": "Bash",
        "arguments": '{"command": "echo secret:$SECRET_OF_THE_GATEWAY:"}',
        "id": "toolu_2",
    }
    await api.adds_fixture({"userMessage": "show"}, {"toolCalls": [bash]})
    mia = await mia_at(world, api, tools=["Bash"], allowed_tools=["Bash"])
    session = await talk(mia, "show it")
    parts = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]["parts"]
    assert parts[0]["output"] == "secret::"


@pytest.mark.parametrize(
    ("status", "error_class"), [(401, "misconfigured"), (429, "rate_limited"), (500, "unavailable")]
)
async def test_refusals_have_a_class_and_show_no_key(
    world: World, api: ModelApi, status: int, error_class: str
) -> None:
    """People read what they can do about it; operators read what the server said."""
    await api.refuses(status, f"no way with {KEY}")
    gateway = await world.gateway(**agents(api), turns={"max_attempts": 1})
    mia = await world.person("mia", gateway.url)
    session = await talk(mia, "hello")
    [turn] = (await mia.gets(f"{SESSIONS}/{session}/turns"))["turns"]
    assert turn["error_class"] == error_class
    [row] = await world.rows("SELECT error FROM turns")
    assert "no way with …" in row["error"]


async def test_stopping_reaches_the_model(world: World, api: ModelApi) -> None:
    """The answer so far is kept, and the SDK's program is gone at once."""
    await api.answers("one two three four five six seven eight", chunkSize=4, latency=400)
    mia = await mia_at(world, api)
    socket = await mia.connects()
    await socket.says(type="send", id="1", text="count")
    ack = await socket.hears("ack")
    await socket.hears("delta")
    await socket.says(type="cancel", turn_id=ack["turn_id"])
    reply = await socket.hears_reply(ack["turn_id"])
    assert reply["message"]["content"].startswith("one")
    assert "eight" not in reply["message"]["content"]
    await eventually(_no_program_runs)


async def _no_program_runs() -> bool:
    return not _programs()


def _programs() -> list[str]:
    """The SDK's processes among this one's children."""
    children = Path("/proc/self/task").glob("*/children")
    pids = [pid for file in children for pid in file.read_text(encoding="utf-8").split()]
    return [pid for pid in pids if "claude" in _name(pid)]


def _name(pid: str) -> str:
    """Nothing for a process that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_key_is_needed_for_anthropics_own_server() -> None:
    """The start stops with the setting's name."""
    settings = ClaudeAgentSettings(kind="claude")
    with pytest.raises(SettingsError, match=r"agents\.assistant\.api_key is missing"):
        build_agents({"assistant": settings}, Turns())[AgentName("assistant")]
