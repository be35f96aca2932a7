"""Agents of kind `a2a`, and agents that the protocol's own SDK serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.a2a.agent import A2AAgent, build
from gateway.agents.a2a.settings import A2AAgentSettings
from gateway.core.events import AgentSession, DataPart, FilePart, Status, TextDelta
from gateway.core.model import AgentName
from gateway.errors import AgentError, SettingsError
from tests.fakes.a2a_agent import LONG, A2APeer, a2a_agent
from tests.integration.agents.http_server import TOKEN, refuses, says, serving
from tests.unit.agents.turns import TURN_ID, events_of, text_of, turn
from tests.world import PATIENCE_S


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[A2APeer]:
    async with a2a_agent() as running:
        yield running


def agent_at(url: str, timeout_s: float = 30, *addresses: str, **keys: Any) -> A2AAgent:
    """An agent that may be on this machine, with a secret; `addresses`: what its name stands for."""
    given = {"allow_private": True, "headers": {"Authorization": f"Bearer {TOKEN}"}, **keys}
    settings = A2AAgentSettings.model_validate({"kind": "a2a", "url": url, **given})

    async def lookup(host: str, port: int) -> list[str]:
        return list(addresses) or ["127.0.0.1"]

    return build(AgentName("assistant"), settings, timedelta(seconds=timeout_s), lookup)


@pytest_asyncio.fixture
async def agent(peer: A2APeer) -> AsyncIterator[A2AAgent]:
    built = agent_at(peer.url)
    yield built
    await built.aclose()


async def test_streams_an_answer(agent: A2AAgent, peer: A2APeer) -> None:
    """A task's artifact arrives in pieces, and its status says what the agent does; the turn is the idempotency key."""
    heard = await events_of(agent.run(turn("at length")))
    assert heard[0] == Status("Looking it up")
    assert [event.text for event in heard if isinstance(event, TextDelta)] == [f"{word} " for word in LONG.split()]
    assert peer.gate.keys == [str(TURN_ID)]


async def test_an_agent_that_does_not_stream() -> None:
    """The whole task comes at once."""
    async with a2a_agent(streaming=False) as peer:
        agent = agent_at(peer.url)
        assert (await text_of(agent.run(turn("at length")))).split() == LONG.split()
        await agent.aclose()


async def test_reads_messages_files_and_data(agent: A2AAgent) -> None:
    """Without a task, there is a message only; parts of all kinds."""
    message = await events_of(agent.run(turn("message")))
    assert message[0] == TextDelta("Just a message.")
    assert isinstance(message[1], AgentSession)
    heard = await events_of(agent.run(turn("files")))
    assert heard[1:-1] == [
        TextDelta("Here."),
        FilePart("https://example.com/cat.png", "image/png"),
        FilePart("data:text/plain;base64,aGk=", "text/plain", "hi.txt"),
        DataPart("my-cats", {"cats": 1}),
    ]


async def test_continues_a_conversation(agent: A2AAgent) -> None:
    """The agent's own conversation goes on; only what it has not seen yet is told."""
    first = await events_of(agent.run(turn("one")))
    assert isinstance(first[-1], AgentSession)
    asked = replace(turn("one", "two", "three"), agent_session=first[-1].name)
    assert await text_of(agent.run(asked)) == "I know: ['one', 'three']"


async def test_tells_what_was_said_before(agent: A2AAgent) -> None:
    """In a new conversation of the agent's, as a part before the message."""
    assert "user: one\\n\\nassistant: two', 'three']" in await text_of(agent.run(turn("one", "two", "three")))


async def test_a_task_that_asks_is_answered(agent: A2AAgent) -> None:
    """The question is the reply; the next message goes to the same task."""
    asked = await events_of(agent.run(turn("ask")))
    assert TextDelta("Which one?") in asked
    assert isinstance(asked[-1], AgentSession)
    answered = replace(turn("that one"), agent_session=asked[-1].name)
    heard = await events_of(agent.run(answered))
    assert TextDelta("I know: ['ask', 'that one']") in heard
    assert heard[-1] == AgentSession(asked[-1].name.partition(" ")[0])


async def test_cancelling_reaches_the_task(agent: A2AAgent, peer: A2APeer) -> None:
    """It would go on without a connection."""
    run = agent.run(turn("wait"))
    assert await anext(run) == Status("Looking it up")
    waiting = asyncio.ensure_future(anext(run))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(peer.memory.cancelled.wait(), PATIENCE_S)


async def test_a_task_that_fails(agent: A2AAgent) -> None:
    """The text is the agent's own."""
    with pytest.raises(AgentError, match="task was failed: out of luck") as caught:
        await text_of(agent.run(turn("fail")))
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "error_class", "retryable"),
    [
        (302, "misconfigured", False),
        (401, "misconfigured", False),
        (429, "rate_limited", True),
        (503, "unavailable", True),
    ],
)
async def test_refusals(agent: A2AAgent, peer: A2APeer, status: int, error_class: str, *, retryable: bool) -> None:
    """Each has its class; no secret is in the text."""
    peer.gate.refuses(status, f"no: {TOKEN}", Retry_After="86400", Location="http://other.example/")
    with pytest.raises(AgentError, match=str(status)) as caught:
        await text_of(agent.run(turn("hello")))
    assert (caught.value.error_class, caught.value.retryable) == (error_class, retryable)
    assert TOKEN not in str(caught.value)


async def test_tries_again(agent: A2AAgent, peer: A2APeer) -> None:
    """A refusal that passes is not noticed."""
    peer.gate.refuses(503, "later", once=True, Retry_After="0")
    assert await text_of(agent.run(turn("one"))) == "I know: ['one']"
    assert peer.gate.keys == [str(TURN_ID)] * 2


async def test_internal_addresses_are_refused(peer: A2APeer) -> None:
    """Written as such, or behind a name, be it one of several."""
    with pytest.raises(SettingsError, match="allow_private"):
        agent_at(peer.url, allow_private=False)
    agent = agent_at("http://agent.example", 30, "1.1.1.1", "127.0.0.1", allow_private=False)
    with pytest.raises(AgentError, match=r"127\.0\.0\.1, which is not public"):
        await text_of(agent.run(turn("hello")))
    await agent.aclose()


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (says({"no": "card"}), "reports an error|not A2A"),
        (says("x" * 5_000), "more than 1,024 bytes"),
        (refuses(404), "404"),
    ],
)
async def test_a_server_without_a_card(handler: Any, words: str) -> None:
    """Found by `turngate doctor`, too."""
    async with serving() as server:
        server.answers(handler)
        agent = agent_at(server.url, max_answer=1_024, timeout_s=0.3)
        with pytest.raises(AgentError, match=words):
            await agent.check()
        await agent.aclose()


async def test_check_fetches_the_card(agent: A2AAgent, unused_tcp_port: int) -> None:
    """For `turngate doctor`."""
    assert "card" in await agent.check()
    away = agent_at(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(AgentError, match="cannot be reached"):
        await away.check()
    await away.aclose()
