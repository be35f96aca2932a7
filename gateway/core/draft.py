"""What an attempt at a turn has said so far."""

from __future__ import annotations

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
        self.full = False

    def add(self, event: AgentEvent) -> None:
        """Takes the next event; text beyond the limit is left out, and `full` says so."""
        match event:
            case TextDelta(text):
                self._add_text(text)
            case ToolCall(call_id, name, given):
                self._end_run()
                part: JsonObject = {
                    "type": f"tool-{clean(name)}",
                    "toolCallId": clean(call_id),
                    "state": "input-available",
                    "input": clean_object(given),
                }
                self._calls[call_id] = part
                self._parts.append(part)
            case ToolResult(call_id, _, output, failed):
                part = self._calls.get(call_id, {})
                told = clean(output)
                part.update(
                    {"state": "output-error", "errorText": told}
                    if failed
                    else {"state": "output-available", "output": told}
                )
            case UsageReport(usage):
                self._add_usage(usage)

    def _add_text(self, text: str) -> None:
        room = self._limit - self._length
        self._run.append(text[:room])
        self._length += min(len(text), room)
        if len(text) > room and not self.full:
            self.full = True
            self._run.append(CUT.format(limit=self._limit))

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
