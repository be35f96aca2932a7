"""Agents of kind `python`, in each of the shapes that a target may have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count

from turngate import (
    AgentEvent,
    AgentSession,
    FilePart,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    UsageReport,
)
from turngate.testing.agents import Ability, Provider

CONVERSATIONS: dict[str, list[str]] = {}
"""What an external framework keeps."""
NUMBERS = count(1)


async def function(turn: Turn) -> str:
    """Answers with everything that was said."""
    if turn.text == "wait":
        await asyncio.sleep(3_600)
    return " ".join(message.content for message in (*turn.history, *turn.messages))


def plain_function(turn: Turn) -> str:
    """Blocks its thread."""
    if turn.text == "think":
        time.sleep(1)
    return turn.text.upper()


async def generator(turn: Turn) -> AsyncIterator[AgentEvent | str]:
    """Calls a tool and streams."""
    yield ToolCall("1", "count_words", {"text": turn.text})
    yield ToolResult("1", "count_words", str(len(turn.text.split())))
    yield ReasoningDelta("How many words are there?")
    for word in turn.text.split():
        yield f"{word} "
    yield FilePart("data:text/plain,words", "text/plain")
    yield UsageReport(Usage(len(turn.text), len(turn.text), "own"))


def plain_generator(turn: Turn) -> Iterator[str]:
    """Streams from a thread."""
    for word in turn.text.split():
        yield f"{word} "


class Remembering:
    """Its framework keeps conversations of its own."""

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        name = turn.agent_session or f"conversation-{next(NUMBERS)}"
        news = turn.history if turn.agent_session is None else turn.unseen
        said = CONVERSATIONS.setdefault(name, [])
        said += [*(message.content for message in news), turn.text]
        yield AgentSession(name)
        yield TextDelta(" ".join(said))

    async def fork(self, name: str) -> str:
        """Copies the conversation."""
        copy = f"conversation-{next(NUMBERS)}"
        CONVERSATIONS[copy] = list(CONVERSATIONS[name])
        return copy

    def forget(self, name: str) -> None:
        """Deletes it."""
        CONVERSATIONS.pop(name, None)


class Numbered:
    """Answers with the number of its object."""

    def __init__(self) -> None:
        self.number = next(NUMBERS)

    async def run(self, turn: Turn) -> str:
        return str(self.number)


class Declared:
    """An agent under test as an author writes it."""

    abilities: frozenset[Ability] = frozenset({"forks"})
    secrets: Sequence[str] = ()

    def opens(self) -> AbstractAsyncContextManager[Provider]:
        raise NotImplementedError
