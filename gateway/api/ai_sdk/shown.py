"""The parts of a message that a client of AI SDK already shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.api.ai_sdk.chunks import RunKind
from gateway.core.events import ToolCall


@dataclass(slots=True)
class ShownText:
    """A part with text or reasoning; the last one shown is open."""

    kind: RunKind
    part_id: str
    runs: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, text: str) -> None:
        self.runs.append(text)
        self.length += len(text)

    @property
    def text(self) -> str:
        if len(self.runs) > 1:
            self.runs = ["".join(self.runs)]
        return self.runs[0]


@dataclass(slots=True)
class ShownTool:
    """A tool part. An attempt that calls the same tool with the same input refers to this part, whatever id it gives the call."""

    call: ToolCall
    result: tuple[str, bool] | None = None


Shown: TypeAlias = ShownText | ShownTool
