"""Translates what a run reports into the events of an agent."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_ai import (
    AgentStreamEvent,
    FinalResultEvent,
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    NativeToolCallPart,
    NativeToolReturnPart,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
    WebCitationSource,
)
from pydantic_ai import FilePart as ModelFile
from pydantic_ai.messages import BaseToolReturnPart, ModelResponsePart, ModelResponsePartDelta

from gateway.agents.pydantic_ai.outputs import input_of
from gateway.core.events import (
    AgentEvent,
    Citation,
    FilePart,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
)

BLANK_LINE = "\n\n"
PAGES = ("http://", "https://")


class Translator:
    """The events of one run, as they come. `speaks`: whether the model's text is an answer, and not JSON for a program."""

    def __init__(self, *, speaks: bool) -> None:
        self._speaks = speaks
        self._writing: dict[int, ToolCallPart] = {}
        """The calls whose input the model is writing, by their place in the response."""
        self._pieces: dict[int, str] = {}
        """What it has written of an input before it is clear that the call is of a tool."""
        self.apart = ""
        """What separates further text from the text so far."""

    def events(self, event: AgentStreamEvent) -> Iterator[AgentEvent]:
        """Returns what people are shown of it."""
        match event:
            case PartDeltaEvent(index=index, delta=delta):
                yield from self._continued(index, delta)
            case PartStartEvent(index=index, part=part):
                yield from self._begun(index, part)
            case PartEndEvent(index=index, part=part):
                self._writing.pop(index, None)
                yield from _ended(part)
            case FinalResultEvent(tool_call_id=str() as call_id):
                # A call that delivers the output is no tool.
                self._writing = {n: call for n, call in self._writing.items() if call.tool_call_id != call_id}
            case FunctionToolCallEvent(part=part):
                self.apart = ""
                yield ToolCall(part.tool_call_id, part.tool_name, input_of(part))
            case FunctionToolResultEvent(part=part):
                yield _result(part)
            case _:
                return

    def _begun(self, index: int, part: ModelResponsePart) -> Iterator[AgentEvent]:
        match part:
            case TextPart(content=text):
                yield from self._text(text)
            case ThinkingPart(content=text) if text:
                yield ReasoningDelta(text)
            case ToolCallPart(args=args):
                self._writing[index] = part
                self._pieces[index] = args if isinstance(args, str) else ""
            case _:
                return

    def _continued(self, index: int, delta: ModelResponsePartDelta) -> Iterator[AgentEvent]:
        match delta:
            case TextPartDelta(content_delta=text):
                yield from self._text(text)
            case ThinkingPartDelta(content_delta=str() as text) if text:
                yield ReasoningDelta(text)
            case ToolCallPartDelta(args_delta=str() as piece) if call := self._writing.get(index):
                yield ToolInputDelta(call.tool_call_id, call.tool_name, self._pieces.pop(index, "") + piece)
            case _:
                return

    def _text(self, text: str) -> Iterator[AgentEvent]:
        if text and self._speaks:
            self.apart = BLANK_LINE
            yield TextDelta(text)


def _ended(part: ModelResponsePart) -> Iterator[AgentEvent]:
    """What is only known once the model has finished a part: sources, files, and calls of the provider's own tools."""
    match part:
        case TextPart(citations=list() as citations):
            for source in (source for citation in citations for source in citation.sources):
                if isinstance(source, WebCitationSource) and source.url.startswith(PAGES):
                    yield Citation(source.url, source.title or "")
        case ModelFile(content=content):
            yield FilePart(content.data_uri, content.media_type)
        case NativeToolCallPart():
            yield ToolCall(part.tool_call_id, part.tool_name, input_of(part))
        case NativeToolReturnPart():
            yield _result(part)
        case _:
            return


def _result(part: BaseToolReturnPart) -> ToolResult:
    return ToolResult(
        part.tool_call_id, part.tool_name, part.model_response_str(), failed=part.outcome not in {"success", None}
    )
