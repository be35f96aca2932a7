"""The kind `pydantic_ai` under test: a model with instructions and an MCP server, against aimock, through a proxy that sees the connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from gateway.agents.pydantic_ai.settings import PydanticAIAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.conformance.agents.kept_data import KeptData
from tests.conformance.agents.openai import KEY, LONG, TIMEOUT_S, ModelProvider, proxy_to
from tests.fakes.model_api import ModelApi
from tests.faults.proxy import Proxy
from turngate.testing.agents import ABILITIES, Ability, Provider

CANNOT: frozenset[Ability] = frozenset({"sends_files", "asks_approval", "passes_keys"})
"""Chat completions bring no files, and a run sends several requests, which may not share a key."""


class PydanticAIProvider(ModelProvider):
    """The same server. What the agents keep outlives them."""

    def __init__(self, api: ModelApi, proxy: Proxy, tools: str) -> None:
        super().__init__(api, proxy)
        self._data = KeptData()
        self._tools = tools

    def agent(self) -> Agent:
        settings = PydanticAIAgentSettings.model_validate(
            {
                "kind": "pydantic_ai",
                "model": "gpt-4o",
                "api_key": SecretStr(KEY),
                "base_url": self.base_url,
                "timeout_s": TIMEOUT_S,
                "mcp": [self._tools],
            }
        )
        (agent,) = build_agents({"assistant": settings}, Turns(), self._data).values()
        return agent

    async def calls_tools(self) -> str:
        await self._api.asks_for_tool("roll", '{"sides": 6}', call=0)
        await self._api.answers("It is a three.")
        return "Roll a die."

    async def reasons(self) -> str:
        await self._api.answers(LONG, reasoning="What could I say?")
        return "Think first."

    async def recalled(self, turn: Turn, reply: str) -> str:
        (request,) = [
            asked for asked in await self._api.requests() if asked.headers["x-turngate-turn"] == str(turn.turn_id)
        ]
        return str(request.body["messages"])


@dataclass(frozen=True)
class PydanticAIUnderTest:
    """The kind `pydantic_ai`, at a server that several cases share."""

    api: ModelApi
    tools: str
    abilities: frozenset[Ability] = field(default=frozenset(ABILITIES) - CANNOT)
    secrets: Sequence[str] = (KEY,)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        async with proxy_to(self.api) as proxy:
            yield PydanticAIProvider(self.api, proxy, self.tools)
