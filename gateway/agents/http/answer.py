"""What a server answers in JSON, and the events that it stands for; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from gateway.agents.http.pieces import DataPiece, FilePiece, Heard, Piece, SourcePiece, as_input, as_output, tagger
from gateway.core.events import AgentEvent, AgentSession, StateChange, TextDelta, ToolCall, ToolResult, UsageReport
from gateway.core.model import STATE_SECTIONS, Usage


class Form(BaseModel):
    """Fields are described by the text below them; unknown ones are ignored."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class AnswerUsage(Form):
    """What the answer cost."""

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    model: str = ""
    cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    """US dollars; null if unknown."""


class AnswerState(Form):
    """Keys to set in the session's state, stored together with the reply; null removes a key."""

    blackboard: dict[str, JsonValue] | None = None
    scratchpad: dict[str, JsonValue] | list[JsonValue] | None = None
    """A list replaces the section."""
    attributes: dict[str, JsonValue] | None = None


class Report(Form):
    """What an answer may say beside its text; in a UI message stream it is `messageMetadata.turngate`."""

    usage: AnswerUsage | None = None
    agent_session: str | None = None
    """The server's own name of this conversation; later turns bring it back."""
    state: AnswerState | None = None

    def events(self) -> Iterator[AgentEvent]:
        """What the gateway makes of it."""
        if self.agent_session:
            yield AgentSession(self.agent_session)
        for section in STATE_SECTIONS:
            values = None if self.state is None else getattr(self.state, section)
            if values is not None:
                yield StateChange(section, values)
        if (used := self.usage) is not None:
            yield UsageReport(Usage(used.input_tokens, used.output_tokens, used.model, used.cost))


class TextPart(Piece):
    """A text."""

    type: Literal["text"]
    text: str

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield from heard.paragraph("text")
        yield heard.text(self.text)


class ReasoningPart(Piece):
    """The model's reasoning."""

    type: Literal["reasoning"]
    text: str

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        yield from heard.paragraph("reasoning")
        yield heard.reasoning(self.text)


class ToolPart(Piece):
    """A call of a tool and, depending on `state`, its result."""

    type: str = Field(pattern="^(tool-.+|dynamic-tool)$")
    """`tool-NAME`, or `dynamic-tool` with `toolName`."""
    tool_call_id: str = Field(alias="toolCallId")
    tool_name: str = Field("", alias="toolName")
    state: str = "input-available"
    input: JsonValue = None
    output: JsonValue = None
    error_text: str = Field("", alias="errorText")

    def events(self, heard: Heard) -> Iterator[AgentEvent]:
        heard.newest = None
        name = self.tool_name if self.type == "dynamic-tool" else self.type.removeprefix("tool-")
        yield ToolCall(self.tool_call_id, name, as_input(self.input))
        if self.state == "output-available":
            yield ToolResult(self.tool_call_id, name, as_output(self.output))
        elif self.state in {"output-error", "output-denied"}:
            yield ToolResult(self.tool_call_id, name, self.error_text or self.state, failed=True)


_other_than_tools = tagger(TextPart, ReasoningPart, SourcePiece, FilePiece)


def _tag(part: object) -> str:
    given = part.get("type") if isinstance(part, dict) else None
    is_tool = isinstance(given, str) and (given.startswith("tool-") or given == "dynamic-tool")
    return ToolPart.__name__ if is_tool else _other_than_tools(part)


Part = Annotated[
    Annotated[TextPart, Tag("TextPart")]
    | Annotated[ReasoningPart, Tag("ReasoningPart")]
    | Annotated[ToolPart, Tag("ToolPart")]
    | Annotated[SourcePiece, Tag("SourcePiece")]
    | Annotated[FilePiece, Tag("FilePiece")]
    | Annotated[DataPiece, Tag("DataPiece")]
    | Annotated[Piece, Tag("Piece")],
    Discriminator(_tag),
]


class Answer(Report):
    """A whole answer: either `text` or `parts`."""

    text: str | None = None
    parts: list[Part] | None = None
    """As in AI SDK's UIMessage."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.parts is None):
            raise ValueError("an answer has either `text` or `parts`")
        return self

    def events(self) -> Iterator[AgentEvent]:
        """What the answer says, then what it reports."""
        heard = Heard()
        if self.text:
            yield TextDelta(self.text)
        for part in self.parts or ():
            yield from part.events(heard)
        yield from super().events()
