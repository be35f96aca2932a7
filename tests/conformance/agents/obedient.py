"""An agent that does what its messages say, and passes every case; broken ones differ from it in one thing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from turngate import (
    Agent,
    AgentError,
    AgentEvent,
    AgentSession,
    ErrorClass,
    FilePart,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    UsageReport,
)
from turngate.testing.agents import ABILITIES, Ability, Fault, Provider

SECRET = "a-very-secret-key"


@dataclass
class Server:
    """What agents share, and what the suite sees of it."""

    conversations: dict[str, list[str]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    busy: int = 0
    """How many answers are being worked on."""


Deed = Callable[[Server, Turn], AsyncIterator[AgentEvent]]


def says(*pieces: str) -> Deed:
    """Says these pieces."""

    async def deed(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
        for piece in pieces:
            yield TextDelta(piece)

    return deed


def raises(text: str, error_class: ErrorClass = "agent_error", *, retryable: bool = True, after: str = "") -> Deed:
    """Fails, perhaps after a part of the answer."""

    async def deed(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
        if after:
            yield TextDelta(after)
        raise AgentError(text, error_class=error_class, retryable=retryable)

    return deed


async def answers(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """A short answer, and what it took."""
    yield TextDelta("Hello.")
    yield UsageReport(Usage(5, 2, "obedient-1"))


async def calls_tools(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Two calls at the same time."""
    for call_id in ("1", "2"):
        yield ToolCall(call_id, "look_up", {"what": [call_id]})
    for call_id in ("2", "1"):
        yield ToolResult(call_id, "look_up", "found")
    yield TextDelta("There it is.")


async def reasons(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Thinks aloud."""
    yield ReasoningDelta("Two, ")
    yield ReasoningDelta("or three?")
    yield TextDelta("Three.")


async def sends_files(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Draws."""
    yield FilePart("https://example.com/a.png", "image/png", "a.png")
    yield TextDelta("There.")


async def recalls(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Everything that is known of the conversation."""
    yield TextDelta(" ".join(server.conversations[str(turn.agent_session)]))


async def waits(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Begins, and goes on after an hour."""
    yield TextDelta("Well …")
    server.busy += 1
    try:
        await asyncio.sleep(3_600)
    finally:
        server.busy -= 1


async def stumbles(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Fails at the first attempt."""
    if turn.attempt == 1:
        raise AgentError("Out of order for a moment.")
    yield TextDelta("At last.")


async def thinks(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Takes a second."""
    await asyncio.sleep(1)
    yield TextDelta("I see.")


async def is_silent(server: Server, turn: Turn) -> AsyncIterator[AgentEvent]:
    """Takes an hour."""
    await asyncio.sleep(3_600)
    yield TextDelta("Finally.")


DEEDS: Mapping[str, Deed] = {
    "answers": answers,
    "streams": says("One thing ", "after another."),
    "calls_tools": calls_tools,
    "reasons": reasons,
    "sends_files": sends_files,
    "recalls": recalls,
    "waits": waits,
    "stumbles": stumbles,
    "busy": raises("Come back in an hour.", "rate_limited"),
    "down": raises("Out of order.", "unavailable"),
    "refuses": raises("The key is wrong.", "misconfigured", retryable=False),
    "cuts": raises("Cut off.", "unavailable", after="This is not all"),
    "slow": thinks,
    "silent": is_silent,
}


class Obedient:
    """Does what the message names, and otherwise answers."""

    def __init__(self, server: Server, deeds: Mapping[str, Deed]) -> None:
        self.server = server
        self.deeds = {**DEEDS, **deeds}

    async def run(self, turn: Turn) -> AsyncIterator[AgentEvent]:
        self.server.keys.append(self.key(turn))
        name = self.name(turn)
        told = [*(message.content for message in self.news(turn)), turn.text]
        self.server.conversations.setdefault(name, []).extend(told)
        yield AgentSession(name)
        deed = self.deeds.get(turn.text, self.deeds["answers"])
        async for event in deed(self.server, replace(turn, agent_session=name)):
            yield event

    def key(self, turn: Turn) -> str:
        """The idempotency key of a request."""
        return str(turn.turn_id)

    def name(self, turn: Turn) -> str:
        """The framework's conversation."""
        return turn.agent_session or f"conversation-{len(self.server.conversations)}"

    def news(self, turn: Turn) -> Sequence[Message]:
        """What the framework's conversation lacks."""
        return turn.history if turn.agent_session is None else turn.unseen

    async def fork(self, name: str) -> str | None:
        """Copies a conversation."""
        copy = f"conversation-{len(self.server.conversations)}"
        self.server.conversations[copy] = list(self.server.conversations[name])
        return copy

    async def forget(self, name: str) -> None:
        """Empties a conversation."""
        self.server.conversations[name] = []


class ObedientProvider(Provider):
    """Every message is the name of an ability or a fault."""

    def __init__(self, agent: Callable[[Server], Agent]) -> None:
        self._agent = agent
        self._server = Server()

    def agent(self) -> Agent:
        return self._agent(self._server)

    async def streams(self) -> str:
        return "streams"

    async def calls_tools(self) -> str:
        return "calls_tools"

    async def reasons(self) -> str:
        return "reasons"

    async def sends_files(self) -> str:
        return "sends_files"

    async def recalls(self) -> str:
        return "recalls"

    async def waits(self) -> str:
        return "waits"

    async def hung_up(self) -> bool:
        return self._server.busy == 0

    async def keys(self) -> Sequence[str]:
        return self._server.keys

    async def fails(self, fault: Fault) -> str:
        return fault


@dataclass(frozen=True)
class ObedientUnderTest:
    """Can do everything but ask for approval."""

    agent: Callable[[Server], Agent]
    abilities: frozenset[Ability] = frozenset(ABILITIES) - {"asks_approval"}
    secrets: Sequence[str] = (SECRET,)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        yield ObedientProvider(self.agent)


def obeys(kind: type[Obedient] = Obedient, **deeds: Deed) -> ObedientUnderTest:
    """An agent under test that differs in these deeds, or in its class."""
    return ObedientUnderTest(lambda server: kind(server, deeds))
