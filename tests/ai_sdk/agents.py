"""Agents that a test controls: a message names a folder, and files in it let the agent continue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.core.events import (
    Citation,
    DataPart,
    FilePart,
    Handoff,
    ReasoningDelta,
    ShownEvent,
    Status,
    TextDelta,
    ToolCall,
    ToolInputDelta,
    ToolResult,
)
from gateway.core.model import Turn

Yielded = ShownEvent
LOOK_EVERY_S = 0.02
BEGUN, ENDED = "Once upon a time ", "there was a gate."
ANSWER = BEGUN + ENDED


async def _until(folder: str, name: str) -> None:
    while not (Path(folder) / name).exists():  # noqa: ASYNC110 - the test may be another process
        await asyncio.sleep(LOOK_EVERY_S)


async def teller(turn: Turn) -> AsyncIterator[Yielded]:
    """Uses a tool, begins its answer, and continues once a file `go` exists in the folder that the message names."""
    yield ToolCall("call-1", "look", {"at": "map"})
    yield ToolResult("call-1", "look", "a gate")
    yield TextDelta(BEGUN)
    await _until(turn.text, "go")
    yield TextDelta(ENDED)


async def stumbling(turn: Turn) -> AsyncIterator[Yielded]:
    """Fails in its first attempt (`fail`); the second (`go`) gives the same answer in full."""
    if turn.attempt == 1:
        yield TextDelta(BEGUN)
        await _until(turn.text, "fail")
        raise RuntimeError("on purpose")
    await _until(turn.text, "go")
    yield TextDelta("Once upon ")
    yield TextDelta(ANSWER.removeprefix("Once upon "))


async def wavering(turn: Turn) -> AsyncIterator[Yielded]:
    """Fails in its first attempt (`fail`); the second (`go`) gives another answer."""
    if turn.attempt == 1:
        yield TextDelta("It was a dark night, ")
        await _until(turn.text, "fail")
        raise RuntimeError("on purpose")
    await _until(turn.text, "go")
    yield TextDelta(ANSWER)


async def sorry(turn: Turn) -> AsyncIterator[Yielded]:
    """Never ends."""
    yield TextDelta(BEGUN)
    await _until(turn.text, "fail")
    raise RuntimeError("on purpose")


async def plain(turn: Turn) -> str:
    """Repeats the message with its number in the conversation."""
    return f"{len(turn.history) // 2 + 1}. {turn.text}"


async def scholar(turn: Turn) -> AsyncIterator[Yielded]:
    """Reports a status, and once the file `go` exists yields one event of every other kind that people can see."""
    yield Status("Looking it up\u2026")
    await _until(turn.text, "go")
    yield ReasoningDelta("A map ")
    yield ReasoningDelta("would help.")
    yield ToolInputDelta("call-1", "look", '{"at":')
    yield ToolInputDelta("call-1", "look", '"map"}')
    yield ToolCall("call-1", "look", {"at": "map"})
    yield ToolResult("call-1", "look", "a gate")
    yield TextDelta("There is ")
    yield Citation("https://example.com/gates", "Gates")
    yield FilePart("https://example.com/gate.png", "image/png", "gate.png")
    yield DataPart("chart", {"gates": 1}, "one")
    yield DataPart("chart", {"gates": 2}, "one")
    yield TextDelta("a gate.")
    yield Handoff("The gate is stuck.")
