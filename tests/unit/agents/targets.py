"""Targets for agents of kind `python`, of every shape."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator

from gateway.core.events import AgentEvent, ToolCall
from gateway.core.model import Turn

TEXT = "not callable"


async def function(turn: Turn) -> str:
    return f"you said {turn.text}"


async def generator(turn: Turn) -> AsyncIterator[str]:
    yield "you said "
    yield turn.text


def plain(turn: Turn) -> str:
    return f"you said {turn.text}"


def plain_generator(turn: Turn) -> Iterator[str]:
    yield "you said "
    yield turn.text


class AsClass:
    async def run(self, turn: Turn) -> str:
        return f"you said {turn.text}"


instance = AsClass()


class Callable:
    async def __call__(self, turn: Turn) -> str:
        return f"you said {turn.text}"


async def with_tool(turn: Turn) -> AsyncIterator[str | AgentEvent]:
    yield ToolCall("1", "look", {})
    yield "done"


def thread_name(turn: Turn) -> str:
    return threading.current_thread().name


def is_daemon(turn: Turn) -> str:
    return str(threading.current_thread().daemon)


def each_in_a_daemon(turn: Turn) -> Iterator[str]:
    yield is_daemon(turn)
    yield is_daemon(turn)


def stops_iterating(turn: Turn) -> str:
    raise StopIteration


def sleeper(turn: Turn) -> str:
    time.sleep(30)
    return "awake"


def sleeping_generator(turn: Turn) -> Iterator[str]:
    yield "zzz"
    time.sleep(30)


async def number(turn: Turn) -> int:
    return 42


async def broken(turn: Turn) -> str:
    return str(1 / 0)


async def two_arguments(turn: Turn, other: str) -> str:
    return other


class NeedsArguments:
    def __init__(self, something: str) -> None:
        self.something = something
