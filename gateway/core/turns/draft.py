"""What an attempt at a turn has produced so far."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.core.content.cleaning import clean, clean_object
from gateway.core.events import AgentEvent, AgentSession, StateChange, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import JsonObject, Usage
from gateway.core.state.changes import StateChanges

MOST_PARTS = 10_000
LONGEST_NAME = 1_000  # characters of the agent's own session id
LARGEST_CHANGES = 1_048_576
CALL_LENGTH = 100  # characters that each call counts for, whatever its arguments
CUT = "\n\n[The rest of this answer was cut off because it exceeded {limit} characters.]"


class Draft:
    """Collects an agent's events into a reply's content and parts."""

    def __init__(self, limit: int, state_limit: int = LARGEST_CHANGES) -> None:
        """`limit`: characters of the answer; `state_limit`: bytes of changes to the state."""
        self._limit = limit
        self._room = limit
        self._room_for_tools = limit
        self._run: list[str] = []
        self._texts: list[str] = []
        self._parts: list[JsonObject] = []
        self._calls: dict[str, JsonObject] = {}
        self.usage: Usage | None = None
        self.agent_session: str | None = None
        self.state = StateChanges(state_limit)
        self.closed = False
        """Whether events are ignored: the limit was reached, or the attempt is over."""

    def add(self, event: AgentEvent) -> TextDelta | ToolCall | ToolResult | None:
        """Adds the next event. Text beyond the limit is dropped and closes the draft; tools have a limit of the same size.

        Returns the event as stored, for followers; None if there is nothing to show them.
        """
        match event:
            case TextDelta(text):
                return self._add_text(text)
            case ToolCall():
                return self._add_call(event)
            case ToolResult():
                return self._add_result(event)
            case UsageReport(usage):
                self._add_usage(usage)
                return None
            case StateChange():
                self.state.add(event)
                return None
            case AgentSession(name):
                self.agent_session = clean(name)[:LONGEST_NAME] or None
                return None

    def _add_text(self, text: str) -> TextDelta:
        kept = text[: self._room]
        self._room -= len(kept)
        self.closed = len(kept) < len(text)
        if self.closed:
            kept += CUT.format(limit=self._limit)
        self._run.append(kept)
        return TextDelta(kept)

    def _add_call(self, call: ToolCall) -> ToolCall:
        """Calls count together with their arguments; an answer with too many of them ends there."""
        self._end_run()
        length = len(json.dumps(call.input)) + len(call.name) + CALL_LENGTH
        fits = length <= self._room_for_tools
        self._room_for_tools -= min(length, self._room_for_tools)
        kept = replace(call, input=clean_object(call.input) if fits else {})
        part: JsonObject = {
            "type": f"tool-{clean(call.name)}",
            "toolCallId": clean(call.call_id),
            "state": "input-available",
            "input": kept.input,
        }
        self._calls[call.call_id] = part
        self._parts.append(part)
        if len(self._parts) >= MOST_PARTS:
            self._run.append(CUT.format(limit=self._limit))
            self.closed = True
        return kept

    def _add_result(self, result: ToolResult) -> ToolResult:
        kept = replace(result, output=clean(result.output[: self._room_for_tools]))
        self._room_for_tools -= len(kept.output)
        self._calls.get(result.call_id, {}).update(
            {"state": "output-error", "errorText": kept.output}
            if result.failed
            else {"state": "output-available", "output": kept.output}
        )
        return kept

    def _add_usage(self, usage: Usage) -> None:
        self.usage = (self.usage or Usage()) + replace(usage, model=clean(usage.model))

    def _end_run(self) -> None:
        text = clean("".join(self._run))
        self._run.clear()
        if text:
            self._texts.append(text)
            self._parts.append({"type": "text", "text": text})

    def finish(self) -> tuple[str, tuple[JsonObject, ...]]:
        """Returns content and parts; both are empty if nothing was said."""
        self._end_run()
        return "\n\n".join(self._texts), tuple(self._parts)
