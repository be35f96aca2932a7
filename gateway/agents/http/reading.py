"""Reads an answer while it arrives: JSON, or one of two kinds of streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Protocol

import orjson

from gateway.agents.http.ag_ui.stream import AgUiStream
from gateway.agents.http.answer import Answer
from gateway.agents.http.faults import CutOff, TooSlow
from gateway.agents.http.server import Answering
from gateway.agents.http.sse import EventStream
from gateway.agents.http.ui_stream import UiStream
from gateway.core.events import AgentEvent
from gateway.core.model import Turn

LONGEST_EVENT = 1_048_576
"""Bytes of an event, and of a line of a stream."""


class Reader(Protocol):
    """Understands the events of one answer."""

    @property
    def ended(self) -> bool:
        """Whether the answer is complete, although more may follow."""
        ...

    @property
    def over(self) -> bool:
        """Whether nothing can follow."""
        ...

    def read(self, data: bytes) -> Iterator[AgentEvent]:
        """Raises `ValidationError` for a malformed event, `Failed` or `Unusable` for one that ends the attempt."""
        ...


async def events_of(answering: Answering, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
    """Yields what the answer says. Raises a `Fault`, or `ValidationError` for malformed JSON."""
    async with aclosing(answering.pieces()) as pieces:
        events = _streamed(answering, pieces, turn) if answering.is_stream else _whole(pieces)
        async with aclosing(events):
            async for event in events:
                yield event


async def _whole(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[AgentEvent, None]:
    answer = Answer.model_validate_json(b"".join([piece async for piece in pieces]))
    for event in answer.events():
        yield event


async def _streamed(
    answering: Answering, pieces: AsyncGenerator[bytes, None], turn: Turn
) -> AsyncGenerator[AgentEvent, None]:
    stream = EventStream(LONGEST_EVENT)
    reader: Reader | None = None
    try:
        async for piece in pieces:
            for data in filter(None, stream.feed(piece)):
                reader = reader or _reader_of(data, turn)
                for event in reader.read(data):
                    yield event
                if reader.over:
                    await answering.settle()
                    return
    except (CutOff, TooSlow):
        if reader is None or not reader.ended:
            raise
    if reader is None or not reader.ended:
        raise CutOff("cut its answer off: the stream ended without its last event.")


def _reader_of(data: bytes, turn: Turn) -> Reader:
    """Tells the kinds of streams apart by their first event: the names of AG-UI's types are in capitals."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return UiStream()
    kind = event.get("type") if isinstance(event, dict) else None
    return AgUiStream(turn) if isinstance(kind, str) and kind.isupper() else UiStream()
