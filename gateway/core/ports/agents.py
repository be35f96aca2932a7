"""What answers: the seam to agents, and how their turns are run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from gateway.core.events import AgentEvent
from gateway.core.model import Message, MultitaskStrategy, Turn


class Agent(Protocol):
    """Something that answers. Calling it twice for one turn must be harmless: `turn.turn_id` is the idempotency key."""

    def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        """Yields the answer as it comes. Raises `AgentError`; anything else counts as a retryable one."""
        ...


@runtime_checkable
class Closing(Protocol):
    """An agent that holds something open, such as connections."""

    async def aclose(self) -> None:
        """Called once, when the gateway stops."""
        ...


@runtime_checkable
class Checking(Protocol):
    """An agent that can say whether what it needs is there."""

    async def check(self) -> str:
        """What it found, in a few words. Raises `AgentError` that says what is wrong and what to do about it."""
        ...


@runtime_checkable
class Branching(Protocol):
    """An agent whose framework keeps conversations of its own (`AgentSession`)."""

    async def fork(self, agent_session: str) -> str | None:
        """A copy of that conversation, to go on apart from it; None when there can't be one. Raises what it likes."""
        ...

    async def forget(self, agent_session: str) -> None:
        """The conversation is gone for good, and every one that its session has had. Raises what it likes."""
        ...


@runtime_checkable
class Titling(Protocol):
    """An agent that can name a conversation."""

    async def title(self, messages: Sequence[Message]) -> str | None:
        """A few words for what was said, oldest first; None when it has none. Raises what it likes."""
        ...


@dataclass(frozen=True, slots=True)
class TurnTerms:
    """How an agent's turns are run: what the store needs to know of it."""

    strategy: MultitaskStrategy = "enqueue"
    collect: bool = False
    timeout: timedelta = timedelta(seconds=300)
    history: int = 20
    """How many earlier turns the agent gets to see."""
    max_waiting: int = 100
    """How many messages of a session may wait for its running turn."""
    state: bool = False
    """Whether the agent is given the session's state."""
    apologies: bool = False
    """Whether the agent's history holds apologies, which are not its own words."""
