"""Translates what the SDK reports into the events of an agent."""

from __future__ import annotations

from collections.abc import Iterator

from claude_agent_sdk import (
    AssistantMessage,
    Message,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TaskStartedMessage,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from gateway.agents.claude.failures import Failures
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
from gateway.core.model import Usage

BUSY = "The model's server is busy. Trying again…"
OUTPUT = "output"
"""The name of the part with an output that has a schema."""


class Translator:
    """The events of one run, as they come. What subagents say stays between them and their agent."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._calls: dict[str, str] = {}
        """Tools by the id of their call."""
        self._writing = ""
        """The call whose input is being written."""
        self._after_text = False
        self._spoken = False
        self._in_pieces = False
        """Whether the current block came in pieces: when streams break, the program asks for the whole answer at once."""

    def events(self, message: Message) -> Iterator[AgentEvent]:
        """Returns what people are shown of it. Raises `AgentError` for a run that failed."""
        match message:
            case StreamEvent(event=event, parent_tool_use_id=None):
                yield from self._streamed(event)
            case AssistantMessage(parent_tool_use_id=None):
                yield from self._called(message)
            case UserMessage(content=[*blocks], parent_tool_use_id=None):
                yield from (self._result(block) for block in blocks if isinstance(block, ToolResultBlock))
            case SystemMessage():
                yield from self._status(message)
            case ResultMessage():
                yield from self._ended(message)
            case _:
                return

    def _streamed(self, event: dict[str, object]) -> Iterator[AgentEvent]:
        match event:
            case {
                "type": "content_block_start",
                "content_block": {"type": "tool_use", "id": str(call_id), "name": str(name)},
            }:
                self._calls[call_id] = name
                self._writing = call_id
            case {"type": "message_start"}:
                self._spoken = False
            case {"type": "content_block_start", "content_block": {"type": "text"}}:
                self._in_pieces = False
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(text)}}:
                yield from self._text(text)
            case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": str(text)}}:
                self._after_text = False
                yield ReasoningDelta(text)
            case {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": str(text)}}:
                yield ToolInputDelta(self._writing, self._calls.get(self._writing, ""), text)
            case _:
                return

    def _status(self, message: SystemMessage) -> Iterator[Status]:
        if isinstance(message, TaskStartedMessage):
            yield Status(message.description)
        elif message.subtype == "api_retry":
            if self._spoken:
                # The program would begin the answer again, below what people have read.
                raise self._failures.of_answer("server_error", "The answer was cut off.")
            yield Status(BUSY)

    def _text(self, text: str) -> Iterator[TextDelta]:
        """The first piece of a block is a paragraph of its own."""
        if not self._in_pieces and self._after_text:
            yield TextDelta("\n\n")
        self._in_pieces = self._after_text = self._spoken = True
        yield TextDelta(text)

    def _called(self, message: AssistantMessage) -> Iterator[AgentEvent]:
        if message.error is not None:
            said = " ".join(block.text for block in message.content if isinstance(block, TextBlock))
            raise self._failures.of_answer(message.error, said)
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._calls[block.id] = block.name
                self._after_text = False
                yield ToolCall(block.id, block.name, block.input)
            elif isinstance(block, TextBlock) and not self._in_pieces:
                yield from self._text(block.text)

    def _result(self, block: ToolResultBlock) -> ToolResult:
        name = self._calls.get(block.tool_use_id, "")
        return ToolResult(block.tool_use_id, name, _text_of(block), failed=bool(block.is_error))

    def _ended(self, result: ResultMessage) -> Iterator[AgentEvent]:
        yield UsageReport(usage_of(result))
        if result.is_error:
            raise self._failures.of_run(result)
        if result.structured_output is not None:
            yield DataPart(OUTPUT, result.structured_output)


def usage_of(result: ResultMessage) -> Usage:
    """Returns what a run used, tokens read from a cache included. A cost of zero is an unknown price."""
    used = result.usage or {}
    tokens = sum(
        int(used.get(key) or 0) for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    )
    models = [*(result.model_usage or {})]
    return Usage(
        tokens, int(used.get("output_tokens") or 0), models[0] if models else "", result.total_cost_usd or None
    )


def _text_of(block: ToolResultBlock) -> str:
    if not isinstance(block.content, list):
        return block.content or ""
    return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in block.content)
