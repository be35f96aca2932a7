"""The port to agents, and how their turns are run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar, runtime_checkable

from gateway.core.events import AgentEvent
from gateway.core.model import AgentName, Approvers, Message, MultitaskStrategy, Turn

SettingsT = TypeVar("SettingsT")


class Agent(Protocol):
    """Something that answers. Running it twice for one turn must be harmless: `turn.turn_id` is the idempotency key."""

    def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Yields the answer piece by piece. Raises `AgentError`; any other exception counts as a retryable one."""
        ...


@runtime_checkable
class Closing(Protocol):
    """An agent that holds resources, such as connections."""

    async def aclose(self) -> None:
        """Called once, when the gateway stops."""
        ...


@runtime_checkable
class Checking(Protocol):
    """An agent that can check whether what it needs is available."""

    async def check(self) -> str:
        """Returns its findings in a few words. Raises an `AgentError` that says what is wrong and what to do about it."""
        ...


@runtime_checkable
class Branching(Protocol):
    """An agent whose framework keeps conversations of its own (`AgentSession`)."""

    async def fork(self, agent_session: str) -> str | None:
        """Copies the conversation, so that both continue independently; returns None if that is impossible. May raise anything."""
        ...

    async def forget(self, agent_session: str) -> None:
        """The conversation's session was deleted; called for every conversation it has had. May raise anything."""
        ...


@runtime_checkable
class Titling(Protocol):
    """An agent that can name a conversation."""

    async def title(self, messages: Sequence[Message]) -> str | None:
        """Returns a short title for the messages, oldest first; None if it has none. May raise anything."""
        ...


@runtime_checkable
class Counting(Protocol):
    """An agent that can count the tokens of messages; for others, they are estimated."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Returns the tokens of one turn of the history. Must not block; may raise anything."""
        ...


@dataclass(frozen=True, slots=True)
class AgentKind(Generic[SettingsT]):
    """How to build an agent from its settings; `settings` is their pydantic model.

    `build` receives the agent's name as well. It does not connect yet, and raises `SettingsError` for settings that contradict others.
    """

    settings: type[SettingsT]
    build: Callable[[AgentName, SettingsT], Agent]


@dataclass(frozen=True, slots=True)
class TurnTerms:
    """How an agent's turns are run: what the store needs to know about it."""

    strategy: MultitaskStrategy = "enqueue"
    collect: bool = False
    timeout: timedelta = timedelta(seconds=300)
    history: int = 20
    """How many earlier turns the agent receives."""
    history_tokens: int | None = None
    """How many tokens these turns may have together; None: any number."""
    max_waiting: int = 100
    """How many messages of a session may wait for its running turn."""
    state: bool = False
    """Whether the agent receives the session's state."""
    apologies: bool = False
    """Whether the agent's history includes apologies, which are not its own words."""
    approvers: Approvers = "user"
    """Who may answer the agent's questions."""
    fallback: AgentName | None = None
    """The agent that answers instead when this one has failed for good."""
    breaker_failures: int | None = None
    """After how many failed attempts in a row the agent is spared; None: never."""
    breaker_pause: timedelta = timedelta(seconds=30)
    """How long it is spared before one turn tries it again."""
