"""Tool calls that arrive in pieces; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from gateway.agents.http.faults import Unusable
from gateway.agents.http.pieces import Heard, as_input
from gateway.core.events import AgentEvent, ToolCall, ToolInputDelta
from gateway.core.model import JsonValue


@dataclass(slots=True)
class Calls:
    """The calls whose input is still being written. `chunked`: the one that has no end of its own, but ends with what follows."""

    heard: Heard
    chunked: str | None = None
    _inputs: dict[str, list[str]] = field(default_factory=dict)

    def begin(self, call_id: str, name: str) -> None:
        """A call begins."""
        self.heard.tools[call_id] = name
        self._inputs[call_id] = []

    def add(self, call_id: str, text: str) -> Iterator[AgentEvent]:
        """The next piece of a call's input. Raises `Unusable` for a call that has not begun."""
        if call_id not in self._inputs:
            raise Unusable("sent a piece of a tool call that has not begun.")
        if text:
            self._inputs[call_id].append(text)
            yield ToolInputDelta(call_id, self.heard.tools[call_id], text)

    def end(self, call_id: str) -> Iterator[AgentEvent]:
        """The input is complete; a call ends once."""
        written = self._inputs.pop(call_id, None)
        if written is not None:
            self.heard.newest = None
            yield ToolCall(call_id, self.heard.tools[call_id], as_input(_parsed("".join(written))))

    def end_chunked(self) -> Iterator[AgentEvent]:
        """What follows is not a chunk of the same call."""
        if self.chunked is not None:
            yield from self.end(self.chunked)
            self.chunked = None


def _parsed(text: str) -> JsonValue:
    """Models may write input that is not JSON: then it is the text."""
    if not text.strip():
        return {}
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value
