"""The agent of kind `python`: your own function, generator or object with `run(turn)`."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from types import AsyncGeneratorType, CoroutineType
from typing import cast, get_args

from gateway.agents.python.target import Target
from gateway.agents.threads import in_daemon_thread
from gateway.core.events import AgentEvent, TextDelta
from gateway.core.history import estimate
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import AgentError

# The usual types come first: checking an abstract class is slow.
GENERATORS = (AsyncGeneratorType, AsyncGenerator)
AWAITABLES = (CoroutineType, Awaitable)
EVENTS = get_args(AgentEvent)


@dataclass(frozen=True, slots=True)
class PythonAgent:
    """Calls the target for each attempt; plain functions and generators run in a thread, so they block nobody."""

    name: AgentName
    target: Target
    is_asynchronous: bool = field(init=False)

    def __post_init__(self) -> None:
        # Checked once: inspecting a function's flags costs as much as a row.
        object.__setattr__(self, "is_asynchronous", _is_asynchronous(self.target))

    async def fork(self, agent_session: str) -> str | None:
        answer = await self._ask("fork", agent_session)
        return answer if isinstance(answer, str) else None

    async def forget(self, agent_session: str) -> None:
        await self._ask("forget", agent_session)

    async def title(self, messages: Sequence[Message]) -> str | None:
        answer = await self._ask("title", messages)
        return answer if isinstance(answer, str) else None

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Counts with the object's own method, if it has one."""
        method = self._method("count_tokens")
        counted = estimate(messages) if method is None else method(messages)
        if isinstance(counted, int):
            return counted
        raise AgentError(
            f"agents.{self.name}: count_tokens returned {type(counted).__name__}; it should return an int, and not be async.",
            retryable=False,
        )

    def _method(self, deed: str) -> Callable[[object], object] | None:
        method = getattr(getattr(self.target, "__self__", None), deed, None)
        return method if callable(method) else None

    async def _ask(self, deed: str, question: object) -> object:
        """Calls another method of the object that `run` belongs to; returns None if it has no such method."""
        if (method := self._method(deed)) is None:
            return None
        call = partial(method, question)
        answer = call() if inspect.iscoroutinefunction(method) else await in_daemon_thread(call)
        return await answer if isinstance(answer, Awaitable) else answer

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        answer = await self._call(turn)
        if isinstance(answer, str):
            yield TextDelta(answer)
        elif isinstance(answer, GENERATORS):
            async with aclosing(answer):
                async for piece in answer:
                    yield self._event(piece)
        elif isinstance(answer, AsyncIterator):
            async for piece in answer:
                yield self._event(piece)
        elif isinstance(answer, Iterator):
            async for piece in _in_thread(answer):
                yield self._event(piece)
        else:
            yield self._event(answer)

    async def _call(self, turn: Turn) -> object:
        call = partial(self.target, turn)
        answer = call() if self.is_asynchronous else await in_daemon_thread(call)
        if isinstance(answer, AsyncGeneratorType):
            return answer
        return await answer if isinstance(answer, AWAITABLES) else answer

    def _event(self, piece: object) -> AgentEvent:
        if isinstance(piece, str):
            return TextDelta(piece)
        if isinstance(piece, EVENTS):
            return cast("AgentEvent", piece)
        raise AgentError(
            f"The agent {self.name} answered with {type(piece).__name__}; it should answer with str or an event of "
            "the package turngate.",
            retryable=False,
        )


def _is_asynchronous(target: Target) -> bool:
    plain = inspect.unwrap(target)
    called = getattr(plain, "__call__", plain)  # noqa: B004 - an object's own method is asked, not whether it has one
    return any(
        test(candidate)
        for test in (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
        for candidate in (plain, called)
    )


async def _in_thread(pieces: Iterator[object]) -> AsyncGenerator[object, None]:
    end = object()
    while (piece := await in_daemon_thread(partial(next, pieces, end))) is not end:
        yield piece
