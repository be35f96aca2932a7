"""Translates what a graph streams into the events of an agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast, get_args

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage

from gateway.core.events import (
    AgentEvent,
    DataPart,
    ReasoningDelta,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    UsageReport,
)
from gateway.core.model import JsonValue, Usage

EVENTS = get_args(AgentEvent)
CUSTOM = "custom"
"""The name of the part with data that a node streams."""


class Translator:
    """The events of one run, as they come: messages of any node, and what nodes stream themselves."""

    def __init__(self) -> None:
        self._growing: dict[str, AIMessageChunk] = {}
        """Messages that arrive in pieces, by id."""
        self._shown: set[str] = set()
        """Messages and calls that were shown."""
        self._speaker = ""

    def message(self, message: BaseMessage) -> Iterator[AgentEvent]:
        """Returns what people are shown of a message or of a piece of one."""
        match message:
            case AIMessageChunk():
                yield from self._piece(message)
            case AIMessage():
                yield from self._whole(message)
            case ToolMessage():
                yield from self._result(message)
            case _:
                return

    def custom(self, given: object) -> Iterator[AgentEvent]:
        """Returns what a node streamed: an event of the package turngate as it is, text as a status, everything else as data."""
        if isinstance(given, EVENTS):
            yield cast("AgentEvent", given)
        elif isinstance(given, str):
            yield Status(given)
        else:
            yield DataPart(CUSTOM, cast("JsonValue", given))

    def _piece(self, chunk: AIMessageChunk) -> Iterator[AgentEvent]:
        name = chunk.id or ""
        known = self._growing.get(name)
        whole = self._growing[name] = chunk if known is None else known + chunk
        self._shown.add(name)
        yield from self._said(chunk)
        for piece in chunk.tool_call_chunks:
            index = piece.get("index")
            call = next((call for call in whole.tool_call_chunks if call.get("index") == index), piece)
            if piece.get("args"):
                yield ToolInputDelta(call.get("id") or "", call.get("name") or "", piece.get("args") or "")
        if chunk.chunk_position == "last":
            yield from self._finished(whole)

    def _whole(self, message: AIMessage) -> Iterator[AgentEvent]:
        if message.id in self._shown:
            return
        self._shown.add(message.id or "")
        yield from self._said(message)
        yield from self._finished(message)

    def _said(self, message: AIMessage) -> Iterator[AgentEvent]:
        for block in message.content_blocks:
            if block["type"] == "text" and block["text"]:
                if self._speaker not in {"", message.id}:
                    yield TextDelta("\n\n")
                self._speaker = message.id or ""
                yield TextDelta(block["text"])
            elif block["type"] == "reasoning" and block.get("reasoning"):
                self._speaker = ""
                yield ReasoningDelta(block["reasoning"])

    def _finished(self, message: AIMessage) -> Iterator[AgentEvent]:
        for call in message.tool_calls:
            self._speaker = ""
            self._shown.add(f"call {call['id']}")
            yield ToolCall(call["id"] or "", call["name"], call["args"])
        if (used := message.usage_metadata) is not None:
            model = str(message.response_metadata.get("model_name", ""))
            yield UsageReport(Usage(used["input_tokens"], used["output_tokens"], model))

    def _result(self, message: ToolMessage) -> Iterator[AgentEvent]:
        if message.id in self._shown:
            return
        self._shown.add(message.id or "")
        yield from self._late_call(message)
        failed = message.status == "error"
        yield ToolResult(message.tool_call_id, message.name or "", text_of(message.content), failed=failed)

    def _late_call(self, message: ToolMessage) -> Iterator[AgentEvent]:
        """The call of a message whose last piece was not marked as such."""
        if f"call {message.tool_call_id}" in self._shown:
            return
        for whole in self._growing.values():
            if any(call["id"] == message.tool_call_id for call in whole.tool_calls):
                yield from self._finished(whole)


def text_of(content: str | Sequence[object]) -> str:
    """Returns a message's content as text."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", part)) if isinstance(part, Mapping) else str(part) for part in content)
