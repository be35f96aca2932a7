"""Agents of kind `openai` with `api = "responses"`, against a real server with OpenAI's API, and one that fails in the middle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import ValidationError

from gateway.core.events import AgentEvent, ReasoningDelta, TextDelta, UsageReport
from gateway.core.model import JsonObject
from gateway.errors import AgentError
from tests.fakes.model_api import ModelApi, model_api
from tests.integration.agents.openai_agents import KEY, build
from tests.unit.agents.turns import TURN_ID, events_of, turn

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG = "A rather long answer, said in many small pieces."
WORD: JsonObject = {"type": "response.output_text.delta", "delta": "Well"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ModelApi]:
    """One server for all tests."""
    async with model_api(tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(server: ModelApi) -> ModelApi:
    """The server without any planned responses."""
    await server.reset()
    return server


async def heard(base_url: str, *texts: str, **keys: object) -> list[AgentEvent]:
    """What an agent yields."""
    agent = build(base_url, timeout_s=30, **{"api": "responses", **keys})
    try:
        return await events_of(agent.run(turn(*texts)))
    finally:
        await agent.aclose()


def said(events: list[AgentEvent]) -> list[str]:
    """The pieces of the answer."""
    return [event.text for event in events if isinstance(event, TextDelta)]


async def test_streams_the_answer_and_reports_usage(api: ModelApi) -> None:
    """In pieces, as the model sends them."""
    used: JsonObject = {"input_tokens": 9, "output_tokens": 11}
    await api.adds_fixture({}, {"content": LONG, "usage": used})
    events = await heard(api.base_url, "hi")
    assert "".join(said(events)) == LONG
    assert len(said(events)) > 1
    (report,) = [event.usage for event in events if isinstance(event, UsageReport)]
    assert (report.input_tokens, report.output_tokens, report.model) == (9, 11, "gpt-4o")


async def test_shows_what_the_model_is_thinking(api: ModelApi) -> None:
    """If the settings ask for summaries."""
    await api.adds_fixture({"userMessage": "hi"}, {"content": "Yes.", "reasoning": "Let me think."})
    events = await heard(api.base_url, "hi", reasoning_summary="auto", reasoning_effort="low")
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == "Let me think."
    assert "".join(said(events)) == "Yes."


async def test_the_server_keeps_nothing_and_is_told_everything() -> None:
    """Instructions, history and message, in that order, under the turn's id."""
    requests: list[tuple[str, JsonObject]] = []
    async with scripted(WORD, ended("completed"), requests=requests) as url:
        await heard(url, "one", "two", "three", instructions="Be brief.", max_tokens=50, reasoning_effort="low")
    ((key, body),) = requests
    assert key == str(TURN_ID)
    assert (body["store"], body["max_output_tokens"], body["reasoning"]) == (False, 50, {"effort": "low"})
    assert body["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]


async def test_a_title_is_asked_for_once(api: ModelApi) -> None:
    """With a limit of its own."""
    await api.answers("About words")
    agent = build(api.base_url, api="responses")
    assert await agent.title(turn("what is a word?").messages) == "About words"
    await agent.aclose()


async def test_a_tool_call_is_not_an_answer(api: ModelApi) -> None:
    """Agents of this kind have no tools."""
    await api.asks_for_tool("get_weather")
    with pytest.raises(AgentError, match="tool") as caught:
        await heard(api.base_url, "hi")
    assert not caught.value.retryable


async def test_summaries_need_the_responses_api() -> None:
    """Chat completions have none."""
    with pytest.raises(ValidationError, match="reasoning_summary needs api"):
        build("http://127.0.0.1:1/v1", reasoning_summary="auto")


@asynccontextmanager
async def scripted(*events: JsonObject, requests: list[tuple[str, JsonObject]] | None = None) -> AsyncIterator[str]:
    """The address of a server that answers with these events, and nothing after them. `requests`: receives keys and bodies."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if requests is not None:
            requests.append((request.headers["Idempotency-Key"], await request.json()))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(events):
            numbered = json.dumps({"sequence_number": number, **event})
            await response.write(f"event: {event['type']}\ndata: {numbered}\n\n".encode())
        return response

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def ended(status: str, **more: object) -> JsonObject:
    """The last event of an answer without a word in it."""
    response = {"id": "r", "object": "response", "model": "gpt-4o", "status": status, "output": [], **more}
    return {"type": f"response.{status}", "response": response}  # type: ignore[dict-item] # JSON


FAILED = {"error": {"code": "rate_limit_exceeded", "message": f"slow down, {KEY}"}}
FULL = {"error": {"code": "context_length_exceeded", "message": "too long"}}


@pytest.mark.parametrize(
    ("events", "error_class", "retryable"),
    [
        ([WORD], "unavailable", True),
        ([WORD, ended("failed", **FAILED)], "rate_limited", True),
        ([ended("failed", **FULL)], "context_too_long", False),
        ([ended("incomplete", incomplete_details={"reason": "max_output_tokens"})], "context_too_long", False),
        ([ended("incomplete", incomplete_details={"reason": "content_filter"})], "agent_error", False),
        ([ended("completed")], "agent_error", True),
        ([{"type": "error", "code": "server_error", "message": "out of order", "param": None}], "unavailable", True),
    ],
)
async def test_an_answer_that_fails_in_the_middle_has_a_class(
    events: list[JsonObject], error_class: str, *, retryable: bool
) -> None:
    """The status was 200, and the key is in no error."""
    async with scripted(*events) as url:
        with pytest.raises(AgentError) as caught:
            await heard(url, "hi")
    assert (caught.value.error_class, caught.value.retryable) == (error_class, retryable)
    assert KEY not in str(caught.value)


async def test_a_refusal_is_what_the_model_says() -> None:
    """Users read it."""
    refusal: JsonObject = {"type": "response.refusal.delta", "delta": "I can't help with that."}
    async with scripted(refusal, ended("completed")) as url:
        assert said(await heard(url, "hi")) == ["I can't help with that."]


async def test_an_answer_without_usage_counts_nothing() -> None:
    """Not every server reports it, and an answer that was cut short by its limit is one."""
    limited = ended("incomplete", incomplete_details={"reason": "max_output_tokens"})
    async with scripted(WORD, limited) as url:
        assert await heard(url, "hi") == [TextDelta("Well")]
