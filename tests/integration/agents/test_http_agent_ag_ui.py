"""Agents of kind `http` and AG-UI servers, whose events the protocol's own package encodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from ag_ui.core import (
    ActivityDeltaEvent,
    ActivitySnapshotEvent,
    AssistantMessage,
    BaseEvent,
    CustomEvent,
    Interrupt,
    MessagesSnapshotEvent,
    ReasoningMessageContentEvent,
    ReasoningMessageStartEvent,
    RunAgentInput,
    RunErrorEvent,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunStartedEvent,
    StateDeltaEvent,
    StateSnapshotEvent,
    StepStartedEvent,
    TextMessageChunkEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    TextPart,
    TokenUsage,
    ToolCallArgsEvent,
    ToolCallChunkEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
    UserMessage,
)
from ag_ui.encoder import EventEncoder

from gateway.core.events import (
    AgentEvent,
    DataPart,
    ReasoningDelta,
    StateChange,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
)
from gateway.core.model import JsonObject, State, Turn, Usage
from gateway.errors import AgentError
from tests.integration.agents.http_server import Peer, agent_of, serving, streams
from tests.unit.agents.turns import TURN_ID, events_of, turn

STARTED = RunStartedEvent(thread_id="s", run_id="r")
DONE = {"op": "replace", "path": "/done", "value": 1}
FINISHED = RunFinishedEvent(thread_id="s", run_id="r")


@pytest_asyncio.fixture
async def peer() -> AsyncIterator[Peer]:
    async with serving() as running:
        yield running


def delta(*operations: JsonObject) -> StateDeltaEvent:
    """A change of the state, as a JSON Patch."""
    return StateDeltaEvent.model_validate({"delta": operations})


async def heard(peer: Peer, *events: BaseEvent | bytes, asked: Turn | None = None) -> list[AgentEvent]:
    """What the agent makes of a run with these events."""
    encoder = EventEncoder()
    encoded = [event if isinstance(event, bytes) else encoder.encode(event).encode() for event in (STARTED, *events)]
    peer.answers(streams(*encoded))
    agent = agent_of(peer.url, request="ag_ui")
    try:
        return await events_of(agent.run(asked or turn("hello")))
    finally:
        await agent.aclose()


async def test_sends_a_run(peer: Peer) -> None:
    """The protocol's own model accepts it; tools of earlier answers come with their results."""
    asked = turn("one", "two", "three", attempt=2)
    tool: JsonObject = {
        "type": "tool-clock",
        "toolCallId": "c",
        "state": "output-available",
        "input": {"zone": "UTC"},
        "output": 12,
    }
    text: JsonObject = {"type": "text", "text": "two"}
    history = (asked.history[0], replace(asked.history[1], parts=(tool, text)))
    await heard(peer, FINISHED, asked=replace(asked, history=history, state=State({"mood": "good"})))
    run = RunAgentInput.model_validate(peer.body)
    assert (run.thread_id, run.run_id, run.state) == ("s", str(TURN_ID), {"mood": "good"})
    assert [(message.role, message.content) for message in run.messages] == [
        ("user", "one"),
        ("assistant", None),
        ("tool", "12"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    rest = peer.body["forwardedProps"]["turngate"]
    assert (rest["attempt"], rest["user_id"]) == (2, "ann")


async def test_reads_text_reasoning_and_tools(peer: Peer) -> None:
    """Whole sequences: two messages are two paragraphs, and another role's words are not the agent's."""
    assert await heard(
        peer,
        StepStartedEvent(step_name="thinking"),
        ReasoningMessageStartEvent(message_id="r", role="reasoning"),
        ReasoningMessageContentEvent(message_id="r", delta="Hm."),
        ToolCallStartEvent(tool_call_id="c", tool_call_name="clock"),
        ToolCallArgsEvent(tool_call_id="c", delta='{"zone":'),
        ToolCallArgsEvent(tool_call_id="c", delta=' "UTC"}'),
        ToolCallEndEvent(tool_call_id="c"),
        ToolCallResultEvent(message_id="t", tool_call_id="c", content=[TextPart(text="noon")]),
        TextMessageStartEvent(message_id="u", role="user"),
        TextMessageContentEvent(message_id="u", delta="not mine"),
        TextMessageStartEvent(message_id="m"),
        TextMessageContentEvent(message_id="m", delta="It is "),
        TextMessageContentEvent(message_id="m", delta="noon."),
        TextMessageEndEvent(message_id="m"),
        TextMessageStartEvent(message_id="n"),
        TextMessageContentEvent(message_id="n", delta="Lunch?"),
        RunFinishedEvent(thread_id="s", run_id="r", usage=[TokenUsage(input_tokens=3, output_tokens=5, model="m")]),
    ) == [
        Status("thinking"),
        ReasoningDelta("Hm."),
        ToolInputDelta("c", "clock", '{"zone":'),
        ToolInputDelta("c", "clock", ' "UTC"}'),
        ToolCall("c", "clock", {"zone": "UTC"}),
        ToolResult("c", "clock", "noon"),
        TextDelta("It is "),
        TextDelta("noon."),
        TextDelta("\n\n"),
        TextDelta("Lunch?"),
        UsageReport(Usage(3, 5, "m")),
    ]


async def test_reads_chunks(peer: Peer) -> None:
    """The short form, in which a call ends with what follows, and input need not be JSON."""
    assert await heard(
        peer,
        ToolCallChunkEvent(tool_call_id="c", tool_call_name="clock", delta="now"),
        ToolCallChunkEvent(delta="!"),
        ToolCallChunkEvent(tool_call_id="d", tool_call_name="bell"),
        TextMessageChunkEvent(message_id="m", delta="It "),
        TextMessageChunkEvent(delta="rings."),
        FINISHED,
    ) == [
        ToolInputDelta("c", "clock", "now"),
        ToolInputDelta("c", "clock", "!"),
        ToolCall("c", "clock", {"input": "now!"}),
        ToolCall("d", "bell", {}),
        TextDelta("It "),
        TextDelta("rings."),
    ]


async def test_the_state_is_the_blackboard(peer: Peer) -> None:
    """What has become of it in the end is one change; without `state = true` there is none."""
    events = (
        StateSnapshotEvent(snapshot={"mood": "good", "count": 1, "list": [1]}),
        delta({"op": "add", "path": "/list/-", "value": 2}, {"op": "replace", "path": "/count", "value": 2}),
        delta({"op": "remove", "path": "/mood"}),
        FINISHED,
    )
    asked = replace(turn("hello"), state=State({"mood": "good", "old": True}))
    change = StateChange("blackboard", {"count": 2, "list": [1, 2], "mood": None, "old": None})
    assert await heard(peer, *events, asked=asked) == [change]
    assert await heard(peer, *events) == []
    with pytest.raises(AgentError, match="JSON Patch that does not fit"):
        await heard(peer, delta({"op": "remove", "path": "/none"}), asked=asked)


async def test_reads_activities_and_custom_events(peer: Peer) -> None:
    """They are data: an activity's changes replace it."""
    assert await heard(
        peer,
        ActivitySnapshotEvent(message_id="a", activity_type="PLAN", content={"done": 0}),
        ActivityDeltaEvent.model_validate({"messageId": "a", "activityType": "PLAN", "patch": [DONE]}),
        CustomEvent(name="my event!", value=[1]),
        FINISHED,
    ) == [
        DataPart("PLAN", {"done": 0}, "a"),
        DataPart("PLAN", {"done": 1}, "a"),
        DataPart("my-event-", [1]),
    ]


async def test_a_run_that_streams_nothing(peer: Peer) -> None:
    """Its record of the conversation has the answer; if it was streamed, it is not said twice."""
    record = MessagesSnapshotEvent(
        messages=[
            AssistantMessage(id="0", content="before"),
            UserMessage(id="1", content="hello"),
            AssistantMessage(id="2", content="One."),
            AssistantMessage(id="3", content="Two."),
        ]
    )
    assert await heard(peer, record, FINISHED) == [TextDelta("One.\n\nTwo.")]
    streamed = TextMessageChunkEvent(message_id="2", delta="One.")
    assert await heard(peer, streamed, record, FINISHED) == [TextDelta("One.")]


@pytest.mark.parametrize(
    ("event", "words", "retryable"),
    [
        (RunErrorEvent(message="out of luck"), "out of luck", True),
        (
            FINISHED.model_copy(
                update={"outcome": RunFinishedInterruptOutcome(interrupts=[Interrupt(id="i", reason="confirm")])}
            ),
            "person to decide",
            False,
        ),
        (StepStartedEvent(step_name="thinking"), "without its last event", True),
        (ToolCallArgsEvent(tool_call_id="x", delta="{}"), "has not begun", False),
        (b'data: {"type": "CUSTOM", "name": "no value"}\n\n', "malformed JSON: CUSTOM.value", False),
    ],
)
async def test_how_a_run_can_fail(peer: Peer, event: BaseEvent | bytes, words: str, *, retryable: bool) -> None:
    """By itself, by asking for what nobody can give, by breaking off, and by breaking the protocol."""
    with pytest.raises(AgentError, match=words) as caught:
        await heard(peer, event)
    assert caught.value.retryable is retryable


async def test_unknown_events_are_ignored(peer: Peer) -> None:
    """A later protocol may have more of them."""
    text = TextMessageChunkEvent(message_id="m", delta="hi")
    assert await heard(peer, b'data: {"type": "CONFETTI"}\n\n', text, FINISHED) == [TextDelta("hi")]
