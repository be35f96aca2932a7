"""Agents of kind `http` and what they send to a real server, and understand of its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from gateway.core.events import (
    AgentSession,
    Citation,
    DataPart,
    FilePart,
    Handoff,
    ReasoningDelta,
    StateChange,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
)
from gateway.core.model import State, Usage
from gateway.errors import AgentError
from tests import npm
from tests.counterparts.programs import listening
from tests.integration.agents.http_server import (
    SECRET,
    TOKEN,
    Handler,
    Peer,
    agent_of,
    cut,
    cut_now,
    event,
    forever,
    refuses,
    says,
    serving,
    streams,
)
from tests.unit.agents.turns import TURN_ID, events_of, text_of, turn
from tests.world import PATIENCE_S, World, eventually

AI_SDK = Path(__file__).parents[2] / "ai_sdk"
SCHEMA = AI_SDK.parents[1] / "docs" / "http_agent.schema.json"
UI: tuple[dict[str, Any], ...] = (
    {"type": "start", "messageId": "m"},
    {"type": "start-step"},
    {"type": "text-start", "id": "1"},
    {"type": "text-delta", "id": "1", "delta": "Let me "},
    {"type": "text-delta", "id": "1", "delta": "see."},
    {"type": "text-end", "id": "1"},
    {"type": "text-start", "id": "2"},
    {"type": "text-delta", "id": "2", "delta": "Well."},
    {"type": "text-end", "id": "2"},
    {"type": "tool-input-start", "toolCallId": "c", "toolName": "clock"},
    {"type": "tool-input-available", "toolCallId": "c", "toolName": "clock", "input": {"zone": "UTC"}},
    {"type": "tool-output-available", "toolCallId": "c", "output": {"time": "noon"}, "preliminary": True},
    {"type": "tool-output-available", "toolCallId": "c", "output": {"time": "noon"}},
    {"type": "text-start", "id": "3"},
    {"type": "text-delta", "id": "3", "delta": "It is noon."},
    {"type": "text-end", "id": "3"},
    {"type": "data-status", "data": {"text": "Waking the clock"}, "transient": True},
    {"type": "data-blink", "data": 1, "transient": True},
    {"type": "made-up", "data": 1},
    {"type": "finish", "messageMetadata": {"turngate": {"usage": {"input_tokens": 3}}, "theirs": 1}},
)
IN_PARTS = {
    "parts": [
        {"type": "text", "text": "First."},
        {"type": "text", "text": "Second."},
        {"type": "tool-clock", "toolCallId": "c", "state": "output-available", "input": {}, "output": 12},
        {
            "type": "dynamic-tool",
            "toolName": "bell",
            "toolCallId": "d",
            "state": "output-error",
            "errorText": "no",
        },
        {"type": "reasoning", "text": "Hm."},
        {"type": "reasoning", "text": "Yes."},
        {"type": "source-url", "sourceId": "s", "url": "https://example.com", "title": "Example"},
        {"type": "file", "url": "https://example.com/cat", "mediaType": "image/png", "filename": "cat.png"},
        {"type": "data-weather", "data": {"sun": True}, "id": "w"},
        {"type": "data-handoff", "data": {"reason": "too hard"}},
        {"type": "confetti"},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "model": "m", "cost": 0.5},
    "agent_session": "t-9",
    "state": {"blackboard": {"seen": True}, "scratchpad": ["x"]},
}
DONE = b"data: [DONE]\n\n"


def described(form: str) -> jsonschema_rs.Validator:
    """Checks a form of docs/http_agent.schema.json."""
    return jsonschema_rs.validator_for({**json.loads(SCHEMA.read_text()), "$ref": f"#/$defs/{form}"})


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    async with serving() as running:
        yield running


async def test_sends_the_turn(peer: Peer) -> None:
    """The body holds who asks, what, and what was said before; deleted messages are left out."""
    peer.answers(says({"text": "hi"}))
    asked = replace(
        turn("one", "two", "three", attempt=2), metadata={"course": 7}, agent_session="t-1", state=State({"a": 1})
    )
    asked = replace(asked, history=[*asked.history, replace(asked.history[0], deleted=True)])
    agent = agent_of(peer.url)
    assert await text_of(agent.run(asked)) == "hi"
    await agent.aclose()
    body = peer.body
    described("TurnRequest").validate(body)
    said = [(message["role"], message["content"]) for message in body["history"] + body["messages"]]
    assert said == [("user", "one"), ("assistant", "two"), ("user", "three")]
    assert body["state"] == {"blackboard": {"a": 1}, "scratchpad": {}, "attributes": {}, "version": 0}
    assert 25 < body.pop("deadline_s") <= 30
    kept = {name: body[name] for name in body if name not in {"history", "messages", "state"}}
    assert kept == {
        "version": 1,
        "turn_id": str(TURN_ID),
        "attempt": 2,
        "session_id": "s",
        "user_id": "ann",
        "agent": "assistant",
        "channel": "web",
        "agent_session": "t-1",
        "metadata": {"course": 7},
        "sender": {"name": "", "locale": "", "time_zone": ""},
        "unseen": 0,
    }


async def test_the_signature_is_good(peer: Peer) -> None:
    """Standard Webhooks' own library accepts it; the id is the turn's, and so is the idempotency key."""
    peer.answers(says({"text": "hi"}))
    agent = agent_of(peer.url)
    await text_of(agent.run(turn("hello", attempt=3)))
    await agent.aclose()
    headers = peer.requests[0].headers
    assert Webhook(SECRET).verify(peer.bodies[0], dict(headers))["attempt"] == 3
    assert headers["webhook-id"] == headers["Idempotency-Key"] == str(TURN_ID)
    assert headers["X-Turngate-Attempt"] == "3"
    assert headers["Authorization"] == f"Bearer {TOKEN}"


async def test_without_a_secret_nothing_is_signed(peer: Peer) -> None:
    """The server may know the gateway by other means."""
    peer.answers(says({"text": "hi"}))
    agent = agent_of(peer.url, secret=None)
    await text_of(agent.run(turn("hello")))
    await agent.aclose()
    assert "webhook-signature" not in peer.requests[0].headers


async def test_reads_a_json_answer_in_parts(peer: Peer) -> None:
    """Texts, tools, usage, the server's own session and changes of state."""
    described("Answer").validate(IN_PARTS)
    peer.answers(says(IN_PARTS, "application/vnd.example+json; charset=utf-8"))
    agent = agent_of(peer.url)
    heard = await events_of(agent.run(turn("hello")))
    await agent.aclose()
    assert heard == [
        TextDelta("First."),
        TextDelta("\n\n"),
        TextDelta("Second."),
        ToolCall("c", "clock", {}),
        ToolResult("c", "clock", "12"),
        ToolCall("d", "bell", {"input": None}),
        ToolResult("d", "bell", "no", failed=True),
        ReasoningDelta("Hm."),
        ReasoningDelta("\n\n"),
        ReasoningDelta("Yes."),
        Citation("https://example.com", "Example"),
        FilePart("https://example.com/cat", "image/png", "cat.png"),
        DataPart("weather", {"sun": True}, "w"),
        Handoff("too hard"),
        AgentSession("t-9"),
        StateChange("blackboard", {"seen": True}),
        StateChange("scratchpad", ["x"]),
        UsageReport(Usage(5, 2, "m", 0.5)),
    ]


async def test_reads_a_ui_message_stream(peer: Peer) -> None:
    """Text arrives in pieces, two texts as two paragraphs, a tool's preliminary output not at all."""
    peer.answers(streams(*UI, DONE))
    agent = agent_of(peer.url)
    heard = await events_of(agent.run(turn("hello")))
    await agent.aclose()
    assert heard == [
        TextDelta("Let me "),
        TextDelta("see."),
        TextDelta("\n\n"),
        TextDelta("Well."),
        ToolCall("c", "clock", {"zone": "UTC"}),
        ToolResult("c", "clock", '{"time":"noon"}'),
        TextDelta("It is noon."),
        Status("Waking the clock"),
        UsageReport(Usage(3)),
    ]


async def test_passes_text_on_as_it_comes(peer: Peer) -> None:
    """The first words are there while the server still writes, and a cancelled turn closes the connection at once."""
    peer.answers(streams(*UI[:4], then=forever))
    agent = agent_of(peer.url)
    run = agent.run(turn("hello"))
    assert await anext(run) == TextDelta("Let me ")
    waiting = asyncio.ensure_future(anext(run))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.wait_for(peer.gone.wait(), PATIENCE_S)
    await agent.aclose()


async def test_cancelling_before_the_answer_closes_the_connection(peer: Peer) -> None:
    """The server sees it although it has not said a word."""

    async def waits(request: Any) -> Any:
        await forever(request)

    peer.answers(waits)
    agent = agent_of(peer.url)
    running = asyncio.ensure_future(text_of(agent.run(turn("hello"))))
    await eventually(lambda: _has(peer.bodies))
    running.cancel()
    await asyncio.wait_for(peer.gone.wait(), PATIENCE_S)
    await asyncio.gather(running, return_exceptions=True)
    await agent.aclose()


async def _has(things: list[bytes]) -> bool:
    return bool(things)


async def test_tries_again_as_a_429_asks(peer: Peer) -> None:
    """429, 408, 425, 409 and 503 pass; each try is signed anew, with the same id."""
    peer.answers(*(refuses(status, Retry_After="0") for status in (429, 408, 425, 409, 503)), says({"text": "at last"}))
    agent = agent_of(peer.url)
    assert await text_of(agent.run(turn("hello"))) == "at last"
    await agent.aclose()
    assert {request.headers["webhook-id"] for request in peer.requests} == {str(TURN_ID)}
    assert len(peer.requests) == 6


async def test_tries_again_after_a_lost_connection(peer: Peer) -> None:
    """The connection ended before the answer began: the turn's id makes a repetition harmless."""
    peer.answers(cut, says({"text": "at last"}))
    agent = agent_of(peer.url)
    assert await text_of(agent.run(turn("hello"))) == "at last"
    await agent.aclose()


@pytest.mark.parametrize("answer", [says({"text": "hi"}), streams(*UI, DONE)])
async def test_keeps_the_connection_for_the_next_turn(peer: Peer, answer: Handler) -> None:
    """A whole answer leaves the connection usable, and so does a stream."""
    peer.answers(answer)
    agent = agent_of(peer.url)
    await text_of(agent.run(turn("one")))
    await text_of(agent.run(turn("two")))
    await agent.aclose()
    first, second = (request.transport for request in peer.requests)
    assert first is second


@pytest.mark.parametrize("answer", [streams(*UI, DONE), streams(*UI, DONE, then=forever)])
async def test_nothing_is_waited_for_after_the_last_event(peer: Peer, answer: Handler) -> None:
    """Also if the server leaves its response open."""
    peer.answers(answer)
    agent = agent_of(peer.url)
    assert (await text_of(agent.run(turn("hello")))).endswith("noon.")
    await agent.aclose()


async def test_a_stream_that_stops_after_finish_is_complete(peer: Peer) -> None:
    """Servers may leave out `[DONE]`, or add to the answer until then."""
    late = {"type": "data-late", "data": 1}
    agent = agent_of(peer.url, idle_s=0.1)
    for then in (None, cut_now, forever):
        peer.answers(streams(*UI, late, then=then))
        assert DataPart("late", 1) in await events_of(agent.run(turn("hello")))
    await agent.aclose()


async def test_a_turn_of_the_gateway(world: World, peer: Peer) -> None:
    """From a person's socket to the server and back, with the state kept."""
    peer.answers(
        streams(*UI[:-1], event({"type": "finish", "messageMetadata": {"turngate": {"agent_session": "t-1"}}}), DONE)
    )
    keys = {"kind": "http", "url": peer.url, "allow_private": True, "secret": SECRET}
    running = await world.gateway(agents={"assistant": keys})
    mia = await world.newcomer(running.url)
    socket = await mia.connects()
    reply = await socket.asks("What time is it?", "k1")
    assert reply["content"] == "Let me see.\n\nWell.\n\nIt is noon."
    await socket.asks("And now?", "k2")
    assert peer.body["agent_session"] == "t-1"
    assert [message["content"] for message in peer.body["messages"]] == ["And now?"]


@pytest.mark.parametrize("version", [("ai", "MockLanguageModelV3"), ("ai-7", "MockLanguageModelV4")])
async def test_reads_what_ai_sdk_writes(version: tuple[str, str]) -> None:
    """A server written with the package `ai`: a model with reasoning, a tool and a source, and streams written by hand."""
    await asyncio.to_thread(npm.install, AI_SDK)
    async with listening("node", "answering.mjs", *version, folder=AI_SDK) as url:
        agent = agent_of(url)
        thought = await events_of(agent.run(turn("think")))
        written = await events_of(agent.run(turn("hello")))
        with pytest.raises(AgentError, match="no luck: told to") as caught:
            await events_of(agent.run(turn("fail")))
        await agent.aclose()
    assert thought == [
        ReasoningDelta("They want the time."),
        ToolInputDelta("c1", "clock", '{"zone":"UTC"}'),
        ToolCall("c1", "clock", {"zone": "UTC"}),
        ToolResult("c1", "clock", '{"time":"noon","zone":"UTC"}'),
        TextDelta("It is "),
        TextDelta("noon."),
        Citation("https://example.com/time", "Time"),
        AgentSession("t-1"),
        UsageReport(Usage(6, 10)),
    ]
    assert written == [
        DataPart("progress", {"percent": 50}, "p"),
        DataPart("progress", {"percent": 100}, "p"),
        TextDelta("You said: hello"),
        FilePart("https://example.com/cat.png", "image/png"),
    ]
    assert caught.value.retryable


async def test_stopping_a_turn_reaches_the_server(world: World, peer: Peer) -> None:
    """A person stops the answer: what was said so far is the reply, and the server learns that nobody listens."""
    peer.answers(streams(*UI[:5], then=forever))
    keys = {"kind": "http", "url": peer.url, "allow_private": True}
    running = await world.gateway(agents={"assistant": keys})
    mia = await world.newcomer(running.url)
    socket = await mia.connects()
    await socket.says(type="send", id="k1", text="Tell me all")
    delta = await socket.hears("delta")
    await socket.says(type="cancel", turn_id=delta["turn_id"])
    await asyncio.wait_for(peer.gone.wait(), PATIENCE_S)
    reply = (await socket.hears_reply(delta["turn_id"]))["message"]
    assert reply["content"].startswith("Let me")
