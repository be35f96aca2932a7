"""OpenAI's own Python client with a gateway: agents are its models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from gateway.agents.demo.settings import DemoAgentSettings
from gateway.app.running.serve import Running
from tests.world import Person, World, eventually

pytestmark = pytest.mark.acceptance

ASSISTANT = "assistant"


@pytest.fixture
async def gateway(world: World) -> Running:
    """Two demo agents, one of them slow."""
    return await world.gateway(
        agents={ASSISTANT: DemoAgentSettings(kind="demo"), "slow": DemoAgentSettings(kind="demo", delay_s=0.05)}
    )


@pytest.fixture
async def ann(world: World, gateway: Running) -> Person:
    """A user with a token."""
    return await world.person("ann", gateway.url)


@pytest.fixture
async def client(ann: Person) -> AsyncIterator[openai.AsyncOpenAI]:
    """Their client, without retries."""
    async with openai.AsyncOpenAI(base_url=f"{ann.url}/v1", api_key=ann.token, max_retries=0) as client:
        yield client


def asks(text: str) -> Any:
    """A request's messages: one question."""
    return [{"role": "user", "content": text}]


async def streamed(client: openai.AsyncOpenAI, text: str, **given: Any) -> list[ChatCompletionChunk]:
    """All chunks of an answer."""
    stream = await client.chat.completions.create(model=ASSISTANT, messages=asks(text), stream=True, **given)
    return [chunk async for chunk in stream]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    """The text of the chunks."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_agents_are_models(client: openai.AsyncOpenAI) -> None:
    """The default one comes first; each is found by its name."""
    assert [model.id async for model in client.models.list()] == [ASSISTANT, "slow"]
    assert (await client.models.retrieve("slow")).id == "slow"


async def test_a_question_is_answered(client: openai.AsyncOpenAI) -> None:
    """With the turn's id, and zeros if the agent does not report usage."""
    answer = await client.chat.completions.create(model=ASSISTANT, messages=asks("The lake is frozen"))
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", ASSISTANT)
    assert answer.choices[0].finish_reason == "stop"
    assert "The lake is frozen" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_an_answer_is_streamed(client: openai.AsyncOpenAI, ann: Person) -> None:
    """First the role, then the text in pieces, then the finish reason; the pieces add up to the transcript's row."""
    chunks = await streamed(client, "count to 5 slowly")
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(chunks) > 3
    assert len({chunk.id for chunk in chunks}) == 1
    [session] = (await ann.gets("/api/chat/sessions?metadata.stateless=true"))["sessions"]
    page = await ann.gets(f"/api/chat/sessions/{session['session_id']}/messages")
    assert text_of(chunks) == page["messages"][-1]["content"]


async def test_a_stream_reports_usage_when_asked(client: openai.AsyncOpenAI) -> None:
    """In a last chunk without choices."""
    chunks = await streamed(client, "Hello", stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_the_synchronous_client_works_too(gateway_in_a_process: tuple[str, str]) -> None:
    """Nothing in the answers depends on the client's event loop."""
    url, token = gateway_in_a_process
    with openai.OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == [ASSISTANT]
        stream = client.chat.completions.create(model=ASSISTANT, messages=asks("Hello"), stream=True)
        assert "demo agent" in text_of(list(stream))


@pytest.fixture
async def gateway_in_a_process(world: World) -> tuple[str, str]:
    """Its URL and a token; the test itself may block."""
    process = await world.process()
    return process.url, (await world.person("ann", process.url)).token


async def test_a_header_continues_a_session(client: openai.AsyncOpenAI) -> None:
    """Each answer names its session; with that header, only the last message is read."""
    first = await client.chat.completions.with_raw_response.create(
        model=ASSISTANT, messages=asks("My favourite colour is green")
    )
    session = first.headers["x-session-id"]
    second = await client.chat.completions.with_raw_response.create(
        model=ASSISTANT,
        messages=[*asks("This is not taken in"), *asks("What was my last question?")],
        extra_headers={"X-Session-Id": session},
    )
    assert second.headers["x-session-id"] == session
    assert "My favourite colour is green" in (second.parse().choices[0].message.content or "")


async def test_a_stream_names_its_session_first(client: openai.AsyncOpenAI, ann: Person) -> None:
    """In a header, before its first byte."""
    async with client.chat.completions.with_streaming_response.create(
        model="slow", messages=asks("Hello"), stream=True
    ) as response:
        assert await ann.gets(f"/api/chat/sessions/{response.headers['x-session-id']}")


async def test_earlier_messages_are_the_history_of_a_new_session(client: openai.AsyncOpenAI, ann: Person) -> None:
    """M-3: the agent sees them, and the transcript contains them."""
    answer = await client.chat.completions.with_raw_response.create(
        model=ASSISTANT,
        messages=[
            {"role": "user", "content": "My cat is called Murr"},
            {"role": "assistant", "content": "A fine name."},
            {"role": "user", "content": [{"type": "text", "text": "What was my last question?"}]},
        ],
    )
    assert "My cat is called Murr" in (answer.parse().choices[0].message.content or "")
    session = await ann.gets(f"/api/chat/sessions/{answer.headers['x-session-id']}")
    assert (session["channel"], session["message_count"], session["title"]) == ("api", 4, "My cat is called Murr")
    page = await ann.gets(f"/api/chat/sessions/{session['session_id']}/messages")
    assert [(row["seq"], row["role"], row["content"]) for row in page["messages"]][:3] == [
        (1, "user", "My cat is called Murr"),
        (2, "assistant", "A fine name."),
        (3, "user", "What was my last question?"),
    ]


async def test_errors_are_the_clients_own(client: openai.AsyncOpenAI, gateway: Running) -> None:
    """Each has its class, with a code that programs can read."""
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="gpt-4o", messages=asks("Hello"))
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="tools") as refused:
        await client.chat.completions.create(
            model=ASSISTANT,
            messages=asks("Hello"),
            tools=[{"type": "function", "function": {"name": "clock", "parameters": {}}}],
        )
    assert refused.value.param == "tools"
    stranger = openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="tg_wrong", max_retries=0)
    async with stranger:
        with pytest.raises(openai.AuthenticationError) as unknown:
            await stranger.models.list()
    assert unknown.value.code == "invalid_api_key"


async def test_someone_elses_session_is_not_found(client: openai.AsyncOpenAI, world: World, gateway: Running) -> None:
    """AC-10: the error is the same as for a session that never existed."""
    other = await world.person("bob", gateway.url)
    theirs = (await other.posts("/api/chat/sessions", 201))["session_id"]
    said = []
    for session in (theirs, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(openai.NotFoundError) as error:
            await client.chat.completions.create(
                model=ASSISTANT, messages=asks("Hello"), extra_headers={"X-Session-Id": session}
            )
        said.append(error.value.body)
    assert said[0] == said[1]


async def test_a_repeated_request_makes_no_second_turn(client: openai.AsyncOpenAI, ann: Person) -> None:
    """The same `Idempotency-Key` finds the same session and answer, also at the same time."""
    answers = await asyncio.gather(
        *(
            client.chat.completions.create(
                model=ASSISTANT, messages=asks("Only once, please"), extra_headers={"Idempotency-Key": "k-1"}
            )
            for _ in range(4)
        )
    )
    assert len({answer.id for answer in answers}) == 1
    assert len({answer.choices[0].message.content for answer in answers}) == 1
    [session] = (await ann.gets("/api/chat/sessions?metadata.stateless=true"))["sessions"]
    assert session["message_count"] == 2


async def test_a_client_that_hangs_up_finds_the_answer_in_the_transcript(
    client: openai.AsyncOpenAI, ann: Person
) -> None:
    """The turn continues."""
    async with client.chat.completions.with_streaming_response.create(
        model="slow", messages=asks("I will not stay"), stream=True
    ) as response:
        session = response.headers["x-session-id"]

    async def answered() -> Any:
        page = await ann.gets(f"/api/chat/sessions/{session}/messages")
        return [row["content"] for row in page["messages"] if row["role"] == "assistant"]

    [reply] = await eventually(answered)
    assert "I will not stay" in reply
