"""What the author of an agent provides to the suite: the agent, and the provider that it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, get_args

from gateway.core.model import Turn
from gateway.core.ports.agents import Agent

Fault = Literal["stumbles", "busy", "down", "refuses", "cuts", "slow", "silent"]
"""What the provider can be made to do wrong.

- `stumbles`: it fails once, and answers the next time
- `busy`: it refuses every request for an hour (429)
- `down`: it fails every time (5xx)
- `refuses`: it does not accept the credentials (401)
- `cuts`: its answer breaks off halfway
- `slow`: its first word takes about a second
- `silent`: it accepts the request and never answers
"""
Ability = Literal[
    "streams",
    "calls_tools",
    "reasons",
    "sends_files",
    "reports_usage",
    "recalls",
    "keeps_sessions",
    "forks",
    "asks_approval",
    "passes_keys",
    "waits",
    "hangs_up",
    Fault,
]
"""What an agent does, and what can be provoked in it; cases that need more are not run.

- `streams`: it passes a long answer on in pieces, as they come
- `calls_tools`: it calls tools
- `reasons`: it passes the model's reasoning on
- `sends_files`: its answers contain files
- `reports_usage`: it reports tokens
- `recalls`: the suite can see what it knows of a conversation
- `keeps_sessions`: its framework keeps conversations of its own (`AgentSession`) …
- `forks`: … and can copy and delete them (`fork`, `forget`)
- `asks_approval`: it asks before it calls a tool
- `passes_keys`: its requests carry the turn's id as an idempotency key, and the suite can read them
- `waits`: it can be made to work on an answer for minutes
- `hangs_up`: the suite can see that nobody waits for the provider's answer any more
- each `Fault`: its provider can be made to do that
"""
ABILITIES: tuple[Ability, ...] = get_args(Ability)


class Provider:
    """An agent and what it depends on, as the suite controls it. A subclass overrides what the agent's abilities need.

    Methods named for an ability prepare the provider for it, and return the message that the suite then sends to the agent.
    """

    def agent(self) -> Agent:
        """Returns a new agent object, as a gateway builds it when it starts. What outlives a gateway is outside of it."""
        raise NotImplementedError

    async def answers(self) -> str:
        """Anything that the agent answers in a few words."""
        return "Hello! Please answer in one short sentence."

    async def streams(self) -> str:
        """A long answer: some sentences at least."""
        raise NotImplementedError

    async def calls_tools(self) -> str:
        """An answer that needs a tool."""
        raise NotImplementedError

    async def reasons(self) -> str:
        """An answer that the model thinks about first."""
        raise NotImplementedError

    async def sends_files(self) -> str:
        """An answer with a file."""
        raise NotImplementedError

    async def recalls(self) -> str:
        """An answer from which `recalled` can tell what the agent knows of the conversation."""
        raise NotImplementedError

    async def recalled(self, turn: Turn, reply: str) -> str:
        """What the agent knew when it answered that turn: by default its reply; or what it sent to its provider."""
        return reply

    async def waits(self) -> str:
        """An answer that takes minutes. It may begin at once."""
        raise NotImplementedError

    async def hung_up(self) -> bool:
        """`hangs_up`: whether the provider is free again, although its last answer was not complete."""
        raise NotImplementedError

    async def keys(self) -> Sequence[str]:
        """`passes_keys`: the idempotency keys of all requests so far, oldest first; empty for a request without one."""
        raise NotImplementedError

    async def asks_approval(self) -> str:
        """A tool that must not run without approval."""
        raise NotImplementedError

    async def fails(self, fault: Fault) -> str:
        """A fault, until the end of the case."""
        raise NotImplementedError


class AgentUnderTest(Protocol):
    """An agent, what it can do, and what its errors must not contain."""

    @property
    def abilities(self) -> frozenset[Ability]: ...

    @property
    def secrets(self) -> Sequence[str]:
        """API keys and the like."""
        ...

    def opens(self) -> AbstractAsyncContextManager[Provider]:
        """Opens the provider without anything prepared; closed on exit."""
        ...
