"""Agents of other people, loaded as a gateway loads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeGuard

from gateway.agents.python.agent import PythonAgent
from gateway.agents.python.target import as_target, load_object
from gateway.agents.registry import build_agents
from gateway.config import load_settings
from gateway.core.model import AgentName
from gateway.core.ports.agents import Agent
from gateway.errors import SettingsError
from turngate.testing.agents.subject import Ability, AgentUnderTest, Fault, Provider

NAME = AgentName("under_test")
KEY = "the agent under test"
HELLO = "Hello! Please answer in one short sentence."


def load(target: str) -> AgentUnderTest:
    """Loads `module:object`, an `AgentUnderTest` or anything that `under_test` takes; or the agent of that name in `turngate.toml`.

    Raises `SettingsError`.
    """
    if ":" in target:
        found = load_object(KEY, target)
        made = found() if isinstance(found, type) and hasattr(found, "opens") else found
        if _is_under_test(made):
            return made
    return under_test(target)


def under_test(
    target: object, says: Mapping[Ability, str] | None = None, *, able: Collection[Ability] = (), hello: str = HELLO
) -> AgentUnderTest:
    """Returns an agent whose provider, if it has one, the suite does not control.

    `target`: what an agent of kind `python` may be, as an object or as `module:object`; or the name of an agent in `turngate.toml`.
    `says`: a message for each ability or fault that one can provoke; `able`: abilities that need no message of their own.
    `hello`: what the agent answers otherwise. Raises `SettingsError`.
    """
    build = _builder(target)
    build()
    messages = dict(says or {})
    return _Alone(build, frozenset({*messages, *able}), messages, hello)


def configured_agent(name: str, config: Path | None = None, **changes: object) -> Agent:
    """Builds an agent from its settings: `turngate.toml` in the working folder, or `config`, and `TURNGATE_…` variables.

    `changes`: keys of the agent to replace, such as its `base_url`. Raises `SettingsError`, or `MissingPiece` if the library of its kind is not installed.
    """
    settings = load_settings(config)
    if name not in settings.agents:
        raise SettingsError(f"There is no agent {name!r} in the settings. There are: {', '.join(settings.agents)}.")
    chosen = settings.agents[name]
    if changes:
        chosen = chosen.model_validate({**dict(chosen), **changes})
    (agent,) = build_agents({name: chosen}, settings.turns).values()
    return agent


class _Said(Provider):
    """No provider: everything depends on what the agent is told."""

    def __init__(self, build: Callable[[], Agent], messages: Mapping[Ability, str], hello: str) -> None:
        self._build = build
        self._messages = messages
        self._hello = hello

    def agent(self) -> Agent:
        return self._build()

    async def answers(self) -> str:
        return self._hello

    async def streams(self) -> str:
        return self._messages["streams"]

    async def calls_tools(self) -> str:
        return self._messages["calls_tools"]

    async def reasons(self) -> str:
        return self._messages["reasons"]

    async def sends_files(self) -> str:
        return self._messages["sends_files"]

    async def recalls(self) -> str:
        return self._messages["recalls"]

    async def waits(self) -> str:
        return self._messages["waits"]

    async def asks_approval(self) -> str:
        return self._messages["asks_approval"]

    async def fails(self, fault: Fault) -> str:
        return self._messages[fault]


@dataclass(frozen=True, slots=True)
class _Alone:
    """An agent without a provider."""

    build: Callable[[], Agent]
    abilities: frozenset[Ability]
    messages: Mapping[Ability, str]
    hello: str
    secrets: Sequence[str] = ()

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        yield _Said(self.build, self.messages, self.hello)


def _builder(target: object) -> Callable[[], Agent]:
    if not isinstance(target, str):
        return partial(_python_agent, repr(target), target)
    if ":" not in target:
        return partial(configured_agent, target)
    return partial(_python_agent, target, load_object(KEY, target))


def _python_agent(shown: str, found: object) -> Agent:
    return PythonAgent(NAME, as_target(KEY, shown, found))


def _is_under_test(found: object) -> TypeGuard[AgentUnderTest]:
    return hasattr(found, "abilities") and hasattr(found, "opens")
