"""What an attempt at a turn has said so far."""

from __future__ import annotations

import json

from gateway.core.events import AgentEvent, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import JsonObject, JsonValue, Usage

CUT = "\n\n[The rest of this answer was cut off: it was longer than {limit} characters.]"


class Draft:
    """Gathers an agent's events into a reply's content and parts (AI SDK's UIMessage)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._length = 0
        self._run: list[str] = []
        self._texts: list[str] = []
        self._parts: list[JsonObject] = []
        self._calls: dict[str, JsonObject] = {}
        self.usage: Usage | None = None
        self.closed = False
        """Nothing more is taken: the limit was reached, or the attempt is over."""

    def add(self, event: AgentEvent) -> None:
        """Takes the next event; what goes beyond the limit is left out, and closes the draft."""
        match event:
            case TextDelta(text):
                self._add_text(text)
            case ToolCall():
                self._add_call(event)
            case ToolResult():
                self._add_result(event)
            case UsageReport(usage):
                self._add_usage(usage)

    def _fits(self, length: int) -> int:
        """How many of so many characters there is room for; too many close the draft."""
        room = min(length, self._limit - self._length)
        self._length += room
        self.closed = self.closed or room < length
        return room

    def _add_text(self, text: str) -> None:
        self._run.append(text[: self._fits(len(text))])
        if self.closed:
            self._run.append(CUT.format(limit=self._limit))

    def _add_call(self, call: ToolCall) -> None:
        self._end_run()
        length = len(json.dumps(call.input)) + len(call.name)
        part: JsonObject = {
            "type": f"tool-{clean(call.name)}",
            "toolCallId": clean(call.call_id),
            "state": "input-available",
            "input": clean_object(call.input) if self._fits(length) == length else {},
        }
        self._calls[call.call_id] = part
        self._parts.append(part)

    def _add_result(self, result: ToolResult) -> None:
        told = clean(result.output[: self._fits(len(result.output))])
        self._calls.get(result.call_id, {}).update(
            {"state": "output-error", "errorText": told}
            if result.failed
            else {"state": "output-available", "output": told}
        )

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
