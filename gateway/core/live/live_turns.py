"""What running turns have said so far, and which turns wait to run, for followers who join in the middle."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from gateway.core.events import (
    AttemptBegan,
    LiveEvent,
    Progress,
    ReasoningDelta,
    ShownEvent,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
    TurnChanged,
    WholePart,
)
from gateway.core.model import Turn, TurnId
from gateway.core.ports.live import EventBus

BLOCK = 4096
"""Characters up to which small pieces of text are joined, so that an answer costs about as much memory as its text."""

Piece: TypeAlias = "str | ReasoningDelta | ToolInputDelta | ToolCall | ToolResult | WholePart"
"""A stretch of the answer's text or of reasoning, or one step or part of the answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a reader has read: whole pieces, and characters of the next one."""

    pieces: int = 0
    characters: int = 0


BEGINNING = Place()


@dataclass(slots=True)
class LiveAttempt:
    """What one attempt at a turn has produced so far. Only ever appended to."""

    attempt: int
    pieces: list[Piece] = field(default_factory=list)
    status: str = ""
    """What the agent is doing, until it says something."""

    def add(self, event: ShownEvent) -> None:
        """Appends what the agent yielded; its size is bounded by the draft, which also receives it."""
        last = self.pieces[-1] if self.pieces else None
        match event:
            case TextDelta(text):
                self.status = ""
                if isinstance(last, str) and len(last) < BLOCK:
                    self.pieces[-1] = last + text
                else:
                    self.pieces.append(text)
            case ReasoningDelta(text) if isinstance(last, ReasoningDelta) and len(last.text) < BLOCK:
                self.pieces[-1] = ReasoningDelta(last.text + text)
            case ToolInputDelta(call_id, name, text) if _continues(last, call_id):
                self.pieces[-1] = ToolInputDelta(call_id, name, last.text + text)
            case Status(text):
                self.status = text
            case _:
                self.pieces.append(event)

    def after(self, place: Place) -> tuple[Sequence[Piece], Place]:
        """Returns what was said after a place, and the place after that."""
        news = self.pieces[place.pieces :]
        if news and place.characters:
            rest = _after(news[0], place.characters)
            news[:1] = [] if rest is None else [rest]
        if not news:
            return (), place
        length = _length(self.pieces[-1])
        # The last text may still grow.
        return news, Place(len(self.pieces) - 1, length) if length else Place(len(self.pieces))


def _continues(last: Piece | None, call_id: str) -> TypeGuard[ToolInputDelta]:
    return isinstance(last, ToolInputDelta) and last.call_id == call_id and len(last.text) < BLOCK


def _length(piece: Piece) -> int:
    """Characters of a piece that may grow; 0 for others."""
    match piece:
        case str():
            return len(piece)
        case ReasoningDelta(text) | ToolInputDelta(text=text):
            return len(text)
        case _:
            return 0


def _after(piece: Piece, characters: int) -> Piece | None:
    match piece:
        case str():
            return piece[characters:] or None
        case ReasoningDelta(text):
            return ReasoningDelta(text[characters:]) if text[characters:] else None
        case ToolInputDelta(call_id, name, text):
            return ToolInputDelta(call_id, name, text[characters:]) if text[characters:] else None
        case _:
            return piece


class LiveTurns:
    """The bus of a replica, which remembers the events of each running turn until it ends.

    A reader that reads and then waits for the next event misses nothing and receives nothing twice: all of it happens in one
    event loop. Beyond `most` turns, the oldest are forgotten; their followers get the rest with the final row.
    """

    def __init__(self, bus: EventBus, most: int) -> None:
        self._bus = bus
        self._most = most
        self._turns: OrderedDict[TurnId, LiveAttempt] = OrderedDict()
        self._waiting: dict[TurnId, int] = {}

    def said(self, turn_id: TurnId) -> LiveAttempt | None:
        """Returns an attempt that runs here, from its beginning; None if the turn has ended, runs elsewhere or was forgotten."""
        return self._turns.get(turn_id)

    @contextmanager
    def waiting(self, turn: Turn) -> Iterator[None]:
        """Marks the turn as waiting for a slot of this replica for the block."""
        self._waiting[turn.turn_id] = turn.attempt
        try:
            yield
        finally:
            del self._waiting[turn.turn_id]

    def waits(self, turn_id: TurnId, attempt: int) -> bool:
        """Whether an attempt waits for a slot here; a later attempt is another replica's."""
        return attempt <= self._waiting.get(turn_id, -1)

    def publish(self, topic: str, event: LiveEvent) -> None:
        """Remembers first, so that subscribers find it. The start of an attempt is only remembered: subscribers receive that it runs."""
        if isinstance(event, Progress):
            self._add(event)
        elif isinstance(event, TurnChanged):
            self._turned(event)
        elif isinstance(event, AttemptBegan):
            self._begin(event.turn_id, event.attempt)
            return
        self._bus.publish(topic, event)

    def _turned(self, event: TurnChanged) -> None:
        if event.status == "running":
            self._forget(event.turn_id, before=event.attempt)
        elif event.status != "queued":
            self._turns.pop(event.turn_id, None)

    def _begin(self, turn_id: TurnId, attempt: int) -> None:
        self._turns[turn_id] = LiveAttempt(attempt)
        self._turns.move_to_end(turn_id)
        if len(self._turns) > self._most:
            self._turns.popitem(last=False)

    def _forget(self, turn_id: TurnId, before: int) -> None:
        """A later attempt runs somewhere else."""
        said = self._turns.get(turn_id)
        if said is not None and said.attempt < before:
            del self._turns[turn_id]

    def _add(self, progress: Progress) -> None:
        # If the beginning of an attempt was forgotten, the rest is not worth remembering.
        said = self._turns.get(progress.turn_id)
        if said is not None and said.attempt == progress.attempt:
            said.add(progress.event)

    def subscribe(self, topic: str, sink: Callable[[LiveEvent], None]) -> Callable[[], None]:
        return self._bus.subscribe(topic, sink)

    def is_heard(self, topic: str) -> bool:
        return self._bus.is_heard(topic)

    def topics(self) -> Sequence[str]:
        return self._bus.topics()

    def on_join(self, hear: Callable[[str], None]) -> None:
        self._bus.on_join(hear)

    def marked(self, marks: Iterable[str]) -> Sequence[str]:
        return self._bus.marked(marks)
