"""The kind `a2a` under test: its agent as a gateway builds it, against an agent that the protocol's own SDK serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from gateway.agents.a2a.settings import A2AAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.fakes.a2a_agent import A2APeer, a2a_agent
from tests.integration.agents.http_server import TOKEN
from turngate.testing.agents import ABILITIES, Ability, Fault, Provider

TIMEOUT_S = 4
CANNOT: frozenset[Ability] = frozenset(
    {"calls_tools", "reasons", "reports_usage", "forks", "asks_approval", "silent", "cuts"}
)
"""A2A has no words for tools, reasoning and usage, and its conversations cannot be copied.

The SDK's server cannot be made to say nothing at all, or to break off.
"""


class PeerProvider(Provider):
    """An agent elsewhere, with a memory."""

    def __init__(self, peer: A2APeer) -> None:
        self._peer = peer

    def agent(self) -> Agent:
        settings = A2AAgentSettings(
            kind="a2a",
            url=self._peer.url,
            headers={"Authorization": SecretStr(f"Bearer {TOKEN}")},
            allow_private=True,
            timeout_s=TIMEOUT_S,
        )
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent

    async def answers(self) -> str:
        return "hi"

    async def streams(self) -> str:
        return "at length"

    async def sends_files(self) -> str:
        return "files"

    async def recalls(self) -> str:
        return "go on"

    async def waits(self) -> str:
        return "wait"

    async def hung_up(self) -> bool:
        return self._peer.memory.working == 0

    async def keys(self) -> Sequence[str]:
        return self._peer.gate.keys

    async def fails(self, fault: Fault) -> str:
        gate = self._peer.gate
        match fault:
            case "stumbles":
                gate.refuses(503, "overloaded", once=True)
            case "busy":
                gate.refuses(429, "slow down", Retry_After="3600")
            case "down":
                gate.refuses(500, "out of order")
            case "refuses":
                gate.refuses(401, f"wrong token: {TOKEN}")
            case _:
                return "think"
        return "hi"


@dataclass(frozen=True)
class A2AUnderTest:
    """The kind `a2a`."""

    abilities: frozenset[Ability] = frozenset(ABILITIES) - CANNOT
    secrets: Sequence[str] = (TOKEN,)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        async with a2a_agent() as peer:
            yield PeerProvider(peer)
