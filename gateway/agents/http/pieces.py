"""Pieces that AI SDK's messages and its streams have in common: pages, files and data; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.core.events import AgentEvent, Citation, DataPart, FilePart, Handoff, ReasoningDelta, Status, TextDelta
from gateway.core.model import JsonObject

PARAGRAPH = "\n\n"
"""Between two texts of one answer."""
DATA = "data-"


@dataclass(slots=True)
class Heard:
    """What earlier pieces of the answer said. `newest`: which run a text would continue; `tools`: their names, by call."""

    ended: bool = False
    newest: Literal["text", "reasoning"] | None = None
    tools: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> TextDelta:
        """A piece of text, which a later one continues."""
        self.newest = "text"
        return TextDelta(text)

    def reasoning(self, text: str) -> ReasoningDelta:
        """A piece of reasoning, which a later one continues."""
        self.newest = "reasoning"
        return ReasoningDelta(text)

    def paragraph(self, run: Literal["text", "reasoning"]) -> Iterator[AgentEvent]:
        """Another text begins, or other reasoning: it is set apart from the one before."""
        if self.newest == run:
            yield self.text(PARAGRAPH) if run == "text" else self.reasoning(PARAGRAPH)


class Piece(BaseModel):
    """A part of a message or a chunk of a stream; by itself, one that the gateway has no use for. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True)

    type: str

    def events(self, heard: Heard) -> Iterator[AgentEvent]:  # noqa: ARG002 - for others to use
        """What the gateway makes of it."""
        yield from ()


class SourcePiece(Piece):
    """A page that the answer relies on."""

    type: Literal["source-url"]
    url: str
    title: str = ""

    def events(self, heard: Heard) -> Iterator[AgentEvent]:  # noqa: ARG002 - it stands beside the text
        yield Citation(self.url, self.title)


class FilePiece(Piece):
    """A file, by its URL."""

    type: Literal["file"]
    url: str
    media_type: str = Field(alias="mediaType")
    filename: str = ""

    def events(self, heard: Heard) -> Iterator[AgentEvent]:  # noqa: ARG002 - it stands beside the text
        yield FilePart(self.url, self.media_type, self.filename)


class DataPiece(Piece):
    """Structured data: `data-NAME`. `data-status` and `data-handoff` are the gateway's own events."""

    type: str = Field(pattern=f"^{DATA}")
    data: JsonValue = None
    id: str = ""
    transient: bool = False

    def events(self, heard: Heard) -> Iterator[AgentEvent]:  # noqa: ARG002 - it stands beside the text
        name = self.type.removeprefix(DATA)
        if name == "status":
            yield Status(_text_in(self.data, "text"))
        elif name == "handoff":
            yield Handoff(_text_in(self.data, "reason"))
        elif not self.transient:
            yield DataPart(name, self.data, self.id)


def tagger(*kinds: type[Piece]) -> Callable[[object], str]:
    """Returns the function that tells pydantic which of these a piece is, by the values of its `type`; the others are `Piece`s."""
    names = {name: kind.__name__ for kind in kinds for name in get_args(kind.model_fields["type"].annotation)}

    def tag(piece: object) -> str:
        given = piece.get("type") if isinstance(piece, dict) else getattr(piece, "type", None)
        if not isinstance(given, str):
            return Piece.__name__
        return DataPiece.__name__ if given.startswith(DATA) else names.get(given, Piece.__name__)

    return tag


def as_input(value: JsonValue) -> JsonObject:
    """A tool's input as an object, whatever it is."""
    return value if isinstance(value, dict) else {"input": value}


def as_output(value: JsonValue) -> str:
    """A tool's output as text."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _text_in(data: JsonValue, name: str) -> str:
    text = data.get(name) if isinstance(data, dict) else data
    return text if isinstance(text, str) else ""
