"""The agent of kind `python`: your own function, generator or object with `run(turn)`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType
from typing import cast, get_args

from gateway.agents.threads import in_daemon_thread
from gateway.core.events import AgentEvent, TextDelta
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import AgentError, SettingsError

Target = Callable[[Turn], object]
"""Returns text, an awaitable of text, or an iterator (asynchronous or not) of text and events."""

# The usual types come first: checking an abstract class is slow.
GENERATORS = (AsyncGeneratorType, AsyncGenerator)
AWAITABLES = (CoroutineType, Awaitable)
EVENTS = get_args(AgentEvent)
SHAPES = "an async function (turn) -> str, an async generator of text, a plain function or a class with run(turn)"


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

    async def _ask(self, deed: str, question: object) -> object:
        """Calls another method of the object that `run` belongs to; returns None if it has no such method."""
        method = getattr(getattr(self.target, "__self__", None), deed, None)
        if not callable(method):
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


def load_target(name: AgentName, target: str) -> Target:
    """Loads the object named by `package.module:object`; the current folder may contain the module.

    Instantiates a class without arguments. Raises a `SettingsError` that says what is wrong with the target.
    """
    module_name, _, path = target.partition(":")
    found = _imported(name, target, module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise _wrong(name, target, f"{module_name} has no {path}")
        found = getattr(found, part)
    return _callable(name, target, found)


def _imported(name: AgentName, target: str, module: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise _wrong(name, target, f"there is no module {missing} in {here}, and none is installed") from error
        raise _wrong(name, target, f"{module} needs {missing}, which is not installed") from error
    except Exception as error:
        raise _wrong(name, target, f"importing {module} failed with {type(error).__name__}: {error}") from error


def _callable(name: AgentName, target: str, found: object) -> Target:
    if isinstance(found, type):
        try:
            found = found()
        except Exception as error:
            raise _wrong(name, target, f"making an instance failed with {type(error).__name__}: {error}") from error
    run = getattr(found, "run", found)
    if not callable(run):
        raise _wrong(name, target, f"it is {type(found).__name__}; it should be {SHAPES}")
    if not _takes_a_turn(run):
        raise _wrong(name, target, f"it should take exactly one argument, the turn; it should be {SHAPES}")
    return run


def _takes_a_turn(run: Callable[..., object]) -> bool:
    try:
        inspect.signature(run).bind(None)
    except TypeError:
        return False
    except ValueError:  # builtins don't reveal their signature
        return True
    return True


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


def _wrong(name: AgentName, target: str, reason: str) -> SettingsError:
    return SettingsError(f"agents.{name}.target is {target!r}, but {reason}.")
