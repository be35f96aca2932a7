"""What an attempt at a turn has said so far."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.core.events import AgentEvent, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import JsonObject, JsonValue, Usage

MOST_PARTS = 10_000
CALL_LENGTH = 100  # characters that a call costs whatever it is given
CUT = "\n\n[The rest of this answer was cut off: it was longer than {limit} characters.]"


class Draft:
    """Gathers an agent's events into a reply's content and parts (AI SDK's UIMessage)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = limit
        self._room_for_tools = limit
        self._run: list[str] = []
        self._texts: list[str] = []
        self._parts: list[JsonObject] = []
        self._calls: dict[str, JsonObject] = {}
        self.usage: Usage | None = None
        self.closed = False
        """Nothing more is taken: the limit was reached, or the attempt is over."""

    def add(self, event: AgentEvent) -> TextDelta | ToolCall | ToolResult | None:
        """Takes the next event. Text beyond the limit is left out and closes the draft; tools have as much again.

        Answers the event as it was kept, for those who follow; None for what they need not hear.
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

    def _add_text(self, text: str) -> TextDelta:
        kept = text[: self._room]
        self._room -= len(kept)
        self.closed = len(kept) < len(text)
        if self.closed:
            kept += CUT.format(limit=self._limit)
        self._run.append(kept)
        return TextDelta(kept)

    def _add_call(self, call: ToolCall) -> ToolCall:
        """Calls count with what they are given; an answer of too many of them ends there."""
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
        before = self.usage or Usage()
        self.usage = Usage(
            before.input_tokens + usage.input_tokens,
            before.output_tokens + usage.output_tokens,
            clean(usage.model) or before.model,
        )

    def _end_run(self) -> None:
        text = clean("".join(self._run))
        self._run.clear()
        if text:
            self._texts.append(text)
            self._parts.append({"type": "text", "text": text})

    def finish(self) -> tuple[str, tuple[JsonObject, ...]]:
        """Content and parts; both empty when nothing was said."""
        self._end_run()
        return "\n\n".join(self._texts), tuple(self._parts)


def clean(text: str) -> str:
    """The text as Postgres and JSON can hold it: without NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def clean_object(given: JsonObject) -> JsonObject:
    """The same for a JSON object and everything in it."""
    return {clean(key): _clean_value(value) for key, value in given.items()}


def _clean_value(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return clean(value)
        case list():
            return [_clean_value(item) for item in value]
        case dict():
            return clean_object(value)
        case _:
            return value
