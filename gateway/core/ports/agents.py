"""What answers: the seam to agents, and how their turns are run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from gateway.core.events import AgentEvent
from gateway.core.model import MultitaskStrategy, Turn


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
