"""AG-UI's events as the gateway's (AG-UI 1.0, Events); pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatchmethod
from itertools import takewhile

from ag_ui.core import (
    ActivityDeltaEvent,
    ActivitySnapshotEvent,
    BaseEvent,
    ContentPart,
    CustomEvent,
    Event,
    MessagesSnapshotEvent,
    ReasoningMessageChunkEvent,
    ReasoningMessageContentEvent,
    ReasoningMessageStartEvent,
    RunErrorEvent,
    RunFinishedEvent,
    StateDeltaEvent,
    StateSnapshotEvent,
    StepStartedEvent,
    SubagentStartedEvent,
    TextMessageChunkEvent,
    TextMessageContentEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallChunkEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)
from pydantic import TypeAdapter, ValidationError

from gateway.agents.http.ag_ui.calls import Calls
from gateway.agents.http.ag_ui.state import changes, patched
from gateway.agents.http.faults import Failed, Unusable
from gateway.agents.http.pieces import PARAGRAPH, Heard, as_output
from gateway.core.events import AgentEvent, DataPart, StateChange, Status, ToolResult, UsageReport
from gateway.core.model import JsonObject, JsonValue, Turn, Usage

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
LONGEST_NAME = 100


class AgUiStream:
    """Reads the events of one run. Events of other types are ignored, and so is what subagents say: the agent passes on what matters."""

    def __init__(self, turn: Turn) -> None:
        self._heard = Heard()
        self._calls = Calls(self._heard)
        self._others: set[str] = set()
        """Messages that are not the agent's own words."""
        self._message: str | None = None
        self._said = False
        self._instead = ""
        """What the run's own record of the conversation says, for agents that stream nothing."""
        self._activities: dict[str, JsonValue] = {}
        self._before: JsonObject | None = None if turn.state is None else turn.state.blackboard
        self._state: JsonValue = self._before

    @property
    def ended(self) -> bool:
        """Whether the run is complete."""
        return self._heard.ended

    @property
    def over(self) -> bool:
        """Nothing follows the end of a run."""
        return self._heard.ended

    def read(self, data: bytes) -> Iterator[AgentEvent]:
        """Raises pydantic's `ValidationError` for a malformed event, `Failed` or `Unusable` for one that ends the attempt."""
        try:
            event = EVENTS.validate_json(data)
        except ValidationError as error:
            if error.errors(include_url=False)[0]["type"] == "union_tag_invalid":
                return
            raise
        if not isinstance(event, ToolCallChunkEvent):
            yield from self._calls.end_chunked()
        yield from self._events(event)

    @singledispatchmethod
    def _events(self, event: BaseEvent) -> Iterator[AgentEvent]:  # noqa: ARG002 - an event that the gateway has no use for
        yield from ()

    @_events.register
    def _text_start(self, event: TextMessageStartEvent) -> Iterator[AgentEvent]:
        yield from self._begin(event.message_id, own=event.role in {None, "assistant"} and not event.subagent_run_id)

    @_events.register
    def _text(self, event: TextMessageContentEvent) -> Iterator[AgentEvent]:
        yield from self._say(event.message_id, event.delta)

    @_events.register
    def _text_chunk(self, event: TextMessageChunkEvent) -> Iterator[AgentEvent]:
        message = event.message_id or self._message or ""
        if message != self._message:
            yield from self._begin(message, own=event.role in {None, "assistant"} and not event.subagent_run_id)
        yield from self._say(message, event.delta or "")

    def _begin(self, message: str, *, own: bool) -> Iterator[AgentEvent]:
        self._message = message
        if own:
            yield from self._heard.paragraph("text")
        else:
            self._others.add(message)

    def _say(self, message: str, text: str) -> Iterator[AgentEvent]:
        if text and message not in self._others:
            self._said = True
            yield self._heard.text(text)

    @_events.register
    def _record(self, event: MessagesSnapshotEvent) -> Iterator[AgentEvent]:
        answers = [message for message in event.messages if message.role in {"user", "assistant"}]
        newest = takewhile(lambda message: message.role == "assistant", reversed(answers))
        texts = [message.content for message in newest if isinstance(message.content, str) and message.content]
        self._instead = PARAGRAPH.join(reversed(texts))
        yield from ()

    @_events.register
    def _reasoning_start(self, event: ReasoningMessageStartEvent) -> Iterator[AgentEvent]:
        if not event.subagent_run_id:
            yield from self._heard.paragraph("reasoning")

    @_events.register
    def _reasoning(self, event: ReasoningMessageContentEvent | ReasoningMessageChunkEvent) -> Iterator[AgentEvent]:
        if event.delta and not event.subagent_run_id:
            yield self._heard.reasoning(event.delta)

    @_events.register
    def _call_start(self, event: ToolCallStartEvent) -> Iterator[AgentEvent]:
        self._calls.begin(event.tool_call_id, event.tool_call_name)
        yield from ()

    @_events.register
    def _call_piece(self, event: ToolCallArgsEvent) -> Iterator[AgentEvent]:
        yield from self._calls.add(event.tool_call_id, event.delta)

    @_events.register
    def _call_end(self, event: ToolCallEndEvent) -> Iterator[AgentEvent]:
        yield from self._calls.end(event.tool_call_id)

    @_events.register
    def _call_chunk(self, event: ToolCallChunkEvent) -> Iterator[AgentEvent]:
        call = event.tool_call_id or self._calls.chunked or ""
        if call != self._calls.chunked:
            yield from self._calls.end_chunked()
            self._calls.begin(call, event.tool_call_name or "")
            self._calls.chunked = call
        yield from self._calls.add(call, event.delta or "")

    @_events.register
    def _call_result(self, event: ToolCallResultEvent) -> Iterator[AgentEvent]:
        yield from self._calls.end(event.tool_call_id)
        name = self._heard.tools.get(event.tool_call_id, "")
        yield ToolResult(event.tool_call_id, name, _text_of(event.content))

    @_events.register
    def _step(self, event: StepStartedEvent) -> Iterator[AgentEvent]:
        yield Status(event.step_name)

    @_events.register
    def _subagent(self, event: SubagentStartedEvent) -> Iterator[AgentEvent]:
        yield Status(event.description or event.name)

    @_events.register
    def _activity(self, event: ActivitySnapshotEvent) -> Iterator[AgentEvent]:
        if event.replace is not False or event.message_id not in self._activities:
            self._activities[event.message_id] = event.content
            yield DataPart(_name(event.activity_type), event.content, event.message_id)

    @_events.register
    def _activity_change(self, event: ActivityDeltaEvent) -> Iterator[AgentEvent]:
        content = patched(self._activities.get(event.message_id, {}), event.patch)
        self._activities[event.message_id] = content
        yield DataPart(_name(event.activity_type), content, event.message_id)

    @_events.register
    def _custom(self, event: CustomEvent) -> Iterator[AgentEvent]:
        yield DataPart(_name(event.name), event.value)

    @_events.register
    def _snapshot(self, event: StateSnapshotEvent) -> Iterator[AgentEvent]:
        self._state = event.snapshot
        yield from ()

    @_events.register
    def _change(self, event: StateDeltaEvent) -> Iterator[AgentEvent]:
        if self._before is not None:
            self._state = patched(self._state, event.delta)
        yield from ()

    @_events.register
    def _failure(self, event: RunErrorEvent) -> Iterator[AgentEvent]:
        raise Failed(f"reports that its run failed: {event.message}")

    @_events.register
    def _end(self, event: RunFinishedEvent) -> Iterator[AgentEvent]:
        if event.outcome is not None and event.outcome.type == "interrupt":
            raise Unusable("asked for a person to decide, which it cannot be told.")
        if event.outcome is not None and event.outcome.type == "cancelled":
            raise Failed("cancelled its run.")
        self._heard.ended = True
        if self._instead and not self._said:
            yield self._heard.text(self._instead)
        if self._before is not None and (changed := changes(self._before, self._state)):
            yield StateChange("blackboard", changed)
        for used in event.usage or ():
            yield UsageReport(Usage(used.input_tokens or 0, used.output_tokens or 0, used.model or ""))


def _name(given: str) -> str:
    """A data part's name has only letters, digits, `-` and `_`."""
    return NO_NAME.sub("-", given)[:LONGEST_NAME] or "-"


def _text_of(content: str | list[ContentPart]) -> str:
    """A tool's result as text; other media as the JSON that describes them."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text if part.type == "text" else as_output(part.model_dump()) for part in content)
