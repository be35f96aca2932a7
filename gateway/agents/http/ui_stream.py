"""AI SDK's UI message stream as events (AI SDK documentation, Stream Protocols, Data Stream Protocol v1); pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, JsonValue, Tag, TypeAdapter

from gateway.agents.http.answer import Report
from gateway.agents.http.faults import Failed
from gateway.agents.http.pieces import DataPiece, FilePiece, Heard, Piece, SourcePiece, as_input, as_output, tagger
from gateway.core.events import AgentEvent, ToolCall, ToolInputDelta, ToolResult

DONE = b"[DONE]"


class TextStart(Piece):
    """A text begins."""

    type: Literal["text-start"]

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield from heard.paragraph("text")


class TextPiece(Piece):
    """The next piece of a text."""

    type: Literal["text-delta"]
    delta: str

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield heard.text(self.delta)


class ReasoningStart(Piece):
    """Reasoning begins."""

    type: Literal["reasoning-start"]

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield from heard.paragraph("reasoning")


class ReasoningPiece(Piece):
    """The next piece of reasoning."""

    type: Literal["reasoning-delta"]
    delta: str

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield heard.reasoning(self.delta)


class ToolStart(Piece):
    """The model begins to write a call's input."""

    type: Literal["tool-input-start"]
    tool_call_id: str = Field(alias="toolCallId")
    tool_name: str = Field(alias="toolName")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        heard.tools[self.tool_call_id] = self.tool_name
        yield from ()


class ToolInputPiece(Piece):
    """The next piece of a call's input."""

    type: Literal["tool-input-delta"]
    tool_call_id: str = Field(alias="toolCallId")
    delta: str = Field(alias="inputTextDelta")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield ToolInputDelta(self.tool_call_id, heard.tools.get(self.tool_call_id, ""), self.delta)


class ToolInput(Piece):
    """A tool is called; with `errorText` if its input is unusable."""

    type: Literal["tool-input-available", "tool-input-error"]
    tool_call_id: str = Field(alias="toolCallId")
    tool_name: str = Field(alias="toolName")
    input: JsonValue = None
    error_text: str | None = Field(None, alias="errorText")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        heard.newest = None
        heard.tools[self.tool_call_id] = self.tool_name
        yield ToolCall(self.tool_call_id, self.tool_name, as_input(self.input))
        if self.error_text is not None:
            yield ToolResult(self.tool_call_id, self.tool_name, self.error_text, failed=True)


class ToolOutput(Piece):
    """A tool has answered; a preliminary output is followed by another."""

    type: Literal["tool-output-available"]
    tool_call_id: str = Field(alias="toolCallId")
    output: JsonValue = None
    preliminary: bool = False

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        if not self.preliminary:
            yield ToolResult(self.tool_call_id, heard.tools.get(self.tool_call_id, ""), as_output(self.output))


class ToolFailure(Piece):
    """A tool has failed, or the person has denied its call."""

    type: Literal["tool-output-error", "tool-output-denied"]
    tool_call_id: str = Field(alias="toolCallId")
    error_text: str = Field("denied", alias="errorText")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield ToolResult(self.tool_call_id, heard.tools.get(self.tool_call_id, ""), self.error_text, failed=True)


class OurMetadata(BaseModel):
    """The part of a message's metadata that is for the gateway."""

    turngate: Report | None = None


class Envelope(Piece):
    """The message's beginning, its end, or its metadata."""

    type: Literal["start", "message-metadata", "finish"]
    metadata: JsonValue = Field(None, alias="messageMetadata")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        heard.ended = heard.ended or self.type == "finish"
        if isinstance(self.metadata, dict):
            report = OurMetadata.model_validate(self.metadata).turngate
            yield from () if report is None else report.events()


class Failure(Piece):
    """The answer has failed, or its writer has given up."""

    type: Literal["error", "abort"]
    error_text: str = Field("", alias="errorText")
    reason: str = ""

    def events(self, heard: Heard) -> Iterator[AgentEvent]:  # noqa: ARG002 - whatever it was
        raise Failed(f"reports that its answer failed: {self.error_text or self.reason or self.type}")


Chunk = Annotated[
    Annotated[TextStart, Tag("TextStart")]
    | Annotated[TextPiece, Tag("TextPiece")]
    | Annotated[ReasoningStart, Tag("ReasoningStart")]
    | Annotated[ReasoningPiece, Tag("ReasoningPiece")]
    | Annotated[ToolStart, Tag("ToolStart")]
    | Annotated[ToolInputPiece, Tag("ToolInputPiece")]
    | Annotated[ToolInput, Tag("ToolInput")]
    | Annotated[ToolOutput, Tag("ToolOutput")]
    | Annotated[ToolFailure, Tag("ToolFailure")]
    | Annotated[SourcePiece, Tag("SourcePiece")]
    | Annotated[FilePiece, Tag("FilePiece")]
    | Annotated[DataPiece, Tag("DataPiece")]
    | Annotated[Envelope, Tag("Envelope")]
    | Annotated[Failure, Tag("Failure")]
    | Annotated[Piece, Tag("Piece")],
    Discriminator(
        tagger(
            TextStart,
            TextPiece,
            ReasoningStart,
            ReasoningPiece,
            ToolStart,
            ToolInputPiece,
            ToolInput,
            ToolOutput,
            ToolFailure,
            SourcePiece,
            FilePiece,
            Envelope,
            Failure,
        )
    ),
]
CHUNKS: TypeAdapter[Chunk] = TypeAdapter(Chunk)


class UiStream:
    """Reads the chunks of one answer."""

    def __init__(self) -> None:
        self._heard = Heard()
        self.over = False

    @property
    def ended(self) -> bool:
        """Whether the answer is complete; a server may still add to it until it is over."""
        return self._heard.ended

    def read(self, data: bytes) -> Iterator[AgentEvent]:
        """Raises pydantic's `ValidationError` for a malformed chunk, and `Failed` for one that reports a failure."""
        if data == DONE:
            self._heard.ended = self.over = True
            return
        yield from CHUNKS.validate_json(data).events(self._heard)
