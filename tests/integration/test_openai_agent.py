"""Agents of kind `openai` against a real server of OpenAI's shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.agents.openai.agent import OpenAIAgent
from gateway.agents.registry import build_agents
from gateway.config import OpenAIAgentSettings, Turns
from gateway.core.events import AgentEvent, TextDelta, UsageReport
from gateway.core.model import AgentName, Usage
from gateway.errors import AgentError, SettingsError
from tests.fakes.model_api import ModelApi, model_api
from tests.unit.agents.turns import TURN_ID, events_of, hear, text_of, turn
from tests.world import World

KEY = "sk-secret-of-this-test"
LONG = "A rather long answer, said in many small pieces."


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[ModelApi]:
    """A server of model APIs that knows nothing yet."""
    async with model_api(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def agent(api: ModelApi) -> AsyncIterator[OpenAIAgent]:
    """An agent that asks that server."""
    built = build(api.base_url)
    yield built
    await built.aclose()


def build(base_url: str | None, *, timeout_s: float = 30, **keys: object) -> OpenAIAgent:
    """The agent of some settings."""
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


async def test_streams_the_answer(api: ModelApi, agent: OpenAIAgent) -> None:
    """The answer comes in pieces, as the model says them."""
    await api.answers(LONG, chunkSize=5)
    deltas = [event.text for event in await events_of(agent.run(turn("hi"))) if isinstance(event, TextDelta)]
    assert "".join(deltas) == LONG
    assert len(deltas) > 5


async def test_reports_usage(api: ModelApi, agent: OpenAIAgent) -> None:
    """What the answer cost is told, with the model's name."""
    await api.answers(LONG)
    usage = [event.usage for event in await events_of(agent.run(turn("hi"))) if isinstance(event, UsageReport)]
    assert [found.model for found in usage] == ["gpt-4o"]
    assert usage[0].input_tokens > 0
    assert usage[0].output_tokens > 0
    assert usage != [Usage()]


async def test_sends_instructions_and_history(api: ModelApi) -> None:
    """The model gets the instructions, what was said before, and the message, in that order."""
    agent = build(api.base_url, instructions="Be brief.", temperature=0.5, max_tokens=50)
    await api.answers("ok")
    await text_of(agent.run(turn("one", "two", "three")))
    await agent.aclose()
    body = (await api.requests())[-1].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    assert (body["temperature"], body["max_tokens"]) == (0.5, 50)


async def test_names_the_turn_and_the_attempt(api: ModelApi, agent: OpenAIAgent) -> None:
    """A server that knows idempotency keys can tell a repetition."""
    await api.answers("ok")
    await text_of(agent.run(turn("hi", attempt=2)))
    headers = (await api.requests())[-1].headers
    assert (headers["idempotency-key"], headers["x-turngate-attempt"]) == (str(TURN_ID), "2")


async def test_waits_as_a_429_asks(api: ModelApi, agent: OpenAIAgent) -> None:
    """A rate limit is waited for, and the user notices nothing."""
    await api.refuses(429, "slow down", call=0, retryAfter=1)
    await api.answers("at last")
    assert await text_of(agent.run(turn("hi"))) == "at last"
    assert len(await api.requests()) == 2


async def test_tries_again_after_a_server_error(api: ModelApi, agent: OpenAIAgent) -> None:
    """A 503 before the first word is tried again."""
    await api.refuses(503, "overloaded", call=0)
    await api.answers("at last")
    assert await text_of(agent.run(turn("hi"))) == "at last"


async def test_does_not_wait_beyond_the_turn(api: ModelApi) -> None:
    """A server that asks for more patience than the turn has is not waited for."""
    agent = build(api.base_url, timeout_s=5)
    await api.refuses(429, "come back tomorrow", retryAfter=86_400)
    with pytest.raises(AgentError, match=r"429.*tomorrow") as caught:
        await text_of(agent.run(turn("hi")))
    await agent.aclose()
    assert caught.value.retryable
    assert len(await api.requests()) == 1


async def test_a_spent_account_is_not_asked_again(api: ModelApi, agent: OpenAIAgent) -> None:
    """No credit is a 429 that does not pass."""
    await api.refuses(429, "pay first", code="insufficient_quota")
    with pytest.raises(AgentError, match="no credit") as caught:
        await text_of(agent.run(turn("hi")))
    assert not caught.value.retryable
    assert len(await api.requests()) == 1


@pytest.mark.parametrize("how", [{"truncateAfterChunks": 3, "latency": 30}, {"disconnectAfterMs": 200, "latency": 60}])
async def test_a_cut_stream_is_worth_another_attempt(api: ModelApi, agent: OpenAIAgent, how: dict[str, int]) -> None:
    """What was said before the cut has been heard already, so the whole turn has to be tried again."""
    await api.answers(LONG, "", chunkSize=5, **how)
    heard: list[AgentEvent] = []
    with pytest.raises(AgentError, match="cut off") as caught:
        await hear(agent.run(turn("hi")), heard)
    assert heard
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "agents.assistant.api_key"), (403, "agents.assistant.api_key"), (404, "agents.assistant.model")],
)
async def test_names_the_setting_to_mind(api: ModelApi, agent: OpenAIAgent, status: int, setting: str) -> None:
    """What no attempt can mend is said once, with the setting, and without the key."""
    await api.refuses(status, f"Incorrect: {KEY}")
    with pytest.raises(AgentError) as caught:
        await text_of(agent.run(turn("hi")))
    assert not caught.value.retryable
    assert setting in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(await api.requests()) == 1


async def test_a_bad_request_is_not_repeated(api: ModelApi, agent: OpenAIAgent) -> None:
    """The server's own words are passed on."""
    await api.refuses(400, "This model's maximum context length is 10 tokens")
    with pytest.raises(AgentError, match="maximum context length") as caught:
        await text_of(agent.run(turn("hi")))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("refusal", "dropped"),
    [("Unknown parameter: stream_options", "stream_options"), ("Use max_completion_tokens", "max_tokens")],
)
async def test_learns_what_a_server_does_not_know(api: ModelApi, refusal: str, dropped: str) -> None:
    """A parameter a server refuses is left out from then on."""
    agent = build(api.base_url, max_tokens=50)
    await api.refuses(400, refusal, call=0)
    await api.answers("understood")
    assert await text_of(agent.run(turn("hi"))) == "understood"
    assert await text_of(agent.run(turn("hi"))) == "understood"
    await agent.aclose()
    assert [dropped in request.body for request in await api.requests()] == [True, False, False]


async def test_a_tool_call_is_no_answer(api: ModelApi, agent: OpenAIAgent) -> None:
    """Agents of this kind have no tools; a model that wants one is told of."""
    await api.asks_for_tool("get_weather")
    with pytest.raises(AgentError, match="tool") as caught:
        await text_of(agent.run(turn("hi")))
    assert not caught.value.retryable


async def test_a_server_that_is_away(unused_tcp_port: int) -> None:
    """Nobody listening is worth another attempt, and names the address's setting."""
    agent = build(f"http://127.0.0.1:{unused_tcp_port}/v1", timeout_s=1)
    with pytest.raises(AgentError, match=r"agents\.assistant\.base_url") as caught:
        await text_of(agent.run(turn("hi")))
    await agent.aclose()
    assert caught.value.retryable


def test_a_missing_key_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI itself is never asked without a key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        build(None, api_key=None)


async def test_a_server_without_keys_needs_none(api: ModelApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local server can be used with a model and an address only."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    agent = build(api.base_url, api_key=None)
    await api.answers("ok")
    assert await text_of(agent.run(turn("hi"))) == "ok"
    await agent.aclose()


async def test_a_cut_answer_is_given_once_in_the_end(api: ModelApi, world: World) -> None:
    """Through a gateway: the second attempt's answer is recorded, with what it cost, and the key is in no log."""
    await api.answers(LONG, "", chunkSize=5, latency=30, truncateAfterChunks=3, call=0)
    await api.answers(LONG, chunkSize=5)
    settings = {"kind": "openai", "model": "gpt-4o", "base_url": api.base_url, "api_key": KEY}
    gateway = await world.process(TURNGATE_AGENTS=json.dumps({"assistant": settings}))
    socket = await (await world.person("ann", gateway.url)).connects()
    assert (await socket.asks("hi", "k1"))["content"] == LONG
    (turned,) = await world.rows("SELECT attempt, usage->>'model' AS model FROM turns")
    assert turned == {"attempt": 2, "model": "gpt-4o"}
    assert KEY not in gateway.log.read_text()
