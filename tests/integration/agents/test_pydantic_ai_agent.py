"""Agents of kind `pydantic_ai`: the real library, and a real server with OpenAI's API or a model that is a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr, ValidationError

from gateway.agents.pydantic_ai.agent import PydanticAIAgent
from gateway.agents.pydantic_ai.settings import PydanticAIAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.events import (
    AgentEvent,
    DataPart,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
)
from gateway.core.model import AgentName
from gateway.core.settings import Turns
from gateway.errors import AgentError, SettingsError
from tests.fakes.dice_server import dice
from tests.fakes.model_api import ModelApi, model_api
from tests.unit.agents.turns import events_of, hear, text_of, turn
from tests.world import World, eventually

KEY = "sk-secret-of-this-test"
LONG = "A rather long answer, said in many small pieces."
HERE = "tests.integration.agents.pydantic_agents"


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[ModelApi]:
    """A server of model APIs without any planned responses."""
    async with model_api(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def agent(api: ModelApi) -> AsyncIterator[PydanticAIAgent]:
    """An agent made from a model at that server."""
    built = build(model="gpt-4o", base_url=api.base_url, api_key=SecretStr(KEY))
    yield built
    await built.aclose()


def build(**keys: object) -> PydanticAIAgent:
    """Builds the agent from settings."""
    settings = PydanticAIAgentSettings.model_validate({"kind": "pydantic_ai", **keys})
    built = build_agents({"assistant": settings}, Turns())[AgentName("assistant")]
    assert isinstance(built, PydanticAIAgent)
    return built


def of_kind(events: list[AgentEvent], *kinds: type[AgentEvent]) -> list[Any]:
    """The events of some kinds, in order."""
    return [event for event in events if isinstance(event, kinds)]


async def test_streams_the_answer_and_reports_its_usage(api: ModelApi, agent: PydanticAIAgent) -> None:
    """The answer comes in pieces; the cost is of the library's price list."""
    await api.answers(LONG, chunkSize=5)
    events = await events_of(agent.run(turn("hi")))
    deltas = [event.text for event in of_kind(events, TextDelta)]
    assert "".join(deltas) == LONG
    assert len(deltas) > 5
    (report,) = of_kind(events, UsageReport)
    assert report.usage.model == "gpt-4o"
    assert report.usage.input_tokens > 0
    assert report.usage.output_tokens > 0
    assert report.usage.cost > 0


async def test_sends_instructions_and_history(api: ModelApi) -> None:
    """A conversation that the library does not know yet is told as text."""
    agent = build(model="openai-chat:gpt-4o", base_url=api.base_url, api_key=SecretStr(KEY), instructions="Be brief.")
    await api.answers("ok")
    await text_of(agent.run(turn("one", "two", "three")))
    await agent.aclose()
    assert (await api.requests())[-1].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]


async def test_shows_reasoning(api: ModelApi, agent: PydanticAIAgent) -> None:
    """In pieces, before the answer, and not as part of it."""
    await api.answers("42", reasoning="Six times seven is forty-two.", chunkSize=5)
    events = await events_of(agent.run(turn("hi")))
    reasoning = of_kind(events, ReasoningDelta)
    assert "".join(event.text for event in reasoning) == "Six times seven is forty-two."
    assert len(reasoning) > 1
    assert "".join(event.text for event in of_kind(events, TextDelta)) == "42"


async def test_shows_tools_as_they_are_called() -> None:
    """The input as the model writes it, the whole call, the result, and then the answer."""
    agent = build(target=f"{HERE}:recalling")
    shown = of_kind(await events_of(agent.run(turn("roll"))), ToolInputDelta, ToolCall, ToolResult, TextDelta)
    assert shown == [
        ToolInputDelta("call-1", "roll", '{"sides": 6}'),
        ToolCall("call-1", "roll", {"sides": 6}),
        ToolResult("call-1", "roll", "4 of 6 for ann"),
        TextDelta("shown: "),
        TextDelta("user roll, call roll, return 4 of 6 for ann"),
    ]


async def test_a_structured_output_is_data_and_text() -> None:
    """Programs get the part; people get a rendering; the call that delivers it is no tool."""
    events = await events_of(build(target=f"{HERE}:finding").run(turn("Where?")))
    assert of_kind(events, ToolCall, ToolInputDelta) == []
    (part,) = of_kind(events, DataPart)
    assert part == DataPart("output", {"name": "Köln", "people": 1_100_000})
    (text,) = of_kind(events, TextDelta)
    assert text.text == '```json\n{\n  "name": "Köln",\n  "people": 1100000\n}\n```'


@pytest.mark.parametrize(
    ("status", "code", "error_class", "retryable"),
    [
        (401, None, "misconfigured", False),
        (404, None, "misconfigured", False),
        (429, "insufficient_quota", "misconfigured", False),
        (400, None, "agent_error", False),
        (400, "context_length_exceeded", "context_too_long", False),
        (429, None, "rate_limited", True),
        (503, None, "unavailable", True),
        (500, None, "unavailable", True),
    ],
)
async def test_an_error_has_a_class(  # noqa: PLR0917 - a row of the table
    api: ModelApi, agent: PydanticAIAgent, status: int, code: str | None, error_class: str, retryable: bool
) -> None:
    """Users learn no more than that, and nobody learns the key."""
    await api.refuses(status, f"Incorrect: {KEY}", code=code)
    with pytest.raises(AgentError) as caught:
        await text_of(agent.run(turn("hi")))
    assert (caught.value.error_class, caught.value.retryable) == (error_class, retryable)
    assert KEY not in str(caught.value)


async def test_a_busy_server_is_asked_again(api: ModelApi, agent: PydanticAIAgent) -> None:
    """The library's client waits as the server asks, and the user notices nothing."""
    await api.refuses(429, "slow down", call=0, retryAfter=1)
    await api.refuses(503, "overloaded", call=1)
    await api.answers("at last")
    assert await text_of(agent.run(turn("hi"))) == "at last"
    assert len(await api.requests()) == 3


@pytest.mark.parametrize("how", [{"truncateAfterChunks": 3, "latency": 30}, {"disconnectAfterMs": 200, "latency": 60}])
async def test_a_cut_stream_is_worth_another_attempt(
    api: ModelApi, agent: PydanticAIAgent, how: dict[str, int]
) -> None:
    """Users have already received the text before the cut, so the whole turn has to be retried."""
    await api.answers(LONG, "", chunkSize=5, **how)
    heard: list[AgentEvent] = []
    with pytest.raises(AgentError) as caught:
        await hear(agent.run(turn("hi")), heard)
    assert of_kind(heard, TextDelta)
    assert (caught.value.error_class, caught.value.retryable) == ("unavailable", True)


async def test_a_conversation_that_is_too_long_is_asked_with_again_shorter(
    api: ModelApi, agent: PydanticAIAgent
) -> None:
    """Half of the turns, and again half of them, until none is left; the question stays."""
    for call in (0, 1, 2):
        await api.refuses(400, "too long", call=call, code="context_length_exceeded")
    await api.answers("ok")
    assert await text_of(agent.run(turn(*"abcdefgh", "and now?"))) == "ok"
    bodies = [request.body["messages"] for request in await api.requests()]
    assert [len(messages) for messages in bodies if isinstance(messages, list)] == [9, 5, 3, 1]


async def test_cancelling_reaches_the_server(api: ModelApi, agent: PydanticAIAgent) -> None:
    """The request ends with the run, however slowly its first word comes."""
    await api.answers(LONG, chunkSize=5, latency=20_000)

    async def run() -> None:
        async with aclosing(agent.run(turn("hi"))) as events:
            async for _ in events:
                pass

    running = asyncio.create_task(run())
    await eventually(api.requests)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert agent.client is not None
    assert not [task for task in asyncio.all_tasks() if "run_agent" in repr(task)]


async def test_an_approval_that_nobody_can_give_is_an_error() -> None:
    """It names the tool and the remedy."""
    with pytest.raises(AgentError, match=r"approve or answer roll.*HandleDeferredToolCalls") as caught:
        await text_of(build(target=f"{HERE}:asking").run(turn("roll")))
    assert not caught.value.retryable


async def test_uses_the_tools_of_mcp_servers(api: ModelApi) -> None:
    """The model calls a tool of a server that is named by its URL."""
    await api.asks_for_tool("roll", '{"sides": 6}', call=0)
    await api.answers("You rolled it.")
    async with dice() as url:
        agent = build(model="gpt-4o", base_url=api.base_url, api_key=SecretStr(KEY), mcp=[url])
        events = await events_of(agent.run(turn("roll")))
        await agent.aclose()
    called, returned = of_kind(events, ToolCall, ToolResult)
    assert (called.name, called.input) == ("roll", {"sides": 6})
    assert (returned.call_id, returned.output, returned.failed) == (called.call_id, "3 of 6", False)
    assert "".join(event.text for event in of_kind(events, TextDelta)) == "You rolled it."


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, "either target"),
        ({"target": "a:b", "model": "openai:gpt-4o"}, "either target"),
        ({"target": "a:b", "instructions": "Be brief."}, "instructions goes with model"),
        ({"target": "nothing"}, "package.module:object"),
    ],
)
def test_wrong_settings_are_named(keys: dict[str, str], reason: str) -> None:
    """Before anything is started."""
    with pytest.raises(ValidationError, match=reason):
        build(**keys)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"target": f"{HERE}:told"}, "it is function; it should be an Agent"),
        ({"target": f"{HERE}:missing"}, "has no missing"),
        ({"model": "no-such-provider:x"}, r"agents\.assistant\.model"),
        ({"model": "openai:gpt-4o"}, "OPENAI_API_KEY"),
        ({"model": "anthropic:claude", "base_url": "http://127.0.0.1/v1"}, "Write openai:claude"),
    ],
)
def test_what_cannot_be_built_stops_the_start(
    keys: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the key and what it should be."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match=reason):
        build(**keys)


async def test_a_cut_answer_is_given_once_in_the_end(api: ModelApi, world: World) -> None:
    """Through a gateway: the second attempt's answer is recorded with its cost, and the key is in no log."""
    await api.answers(LONG, "", chunkSize=5, latency=30, truncateAfterChunks=3, call=0)
    await api.answers(LONG, chunkSize=5)
    settings = {"kind": "pydantic_ai", "model": "gpt-4o", "base_url": api.base_url, "api_key": KEY}
    gateway = await world.process(TURNGATE_AGENTS=json.dumps({"assistant": settings}))
    socket = await (await world.person("ann", gateway.url)).connects()
    assert (await socket.asks("hi", "k1"))["content"] == LONG
    (turned,) = await world.rows("SELECT attempt, usage->>'model' AS model, usage->>'cost' AS cost FROM turns")
    assert (turned["attempt"], turned["model"]) == (2, "gpt-4o")
    assert float(turned["cost"]) > 0
    assert KEY not in gateway.log.read_text()
