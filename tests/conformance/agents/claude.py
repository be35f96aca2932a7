"""The kind `claude` under test: the SDK with its program, against aimock, through a proxy that sees the connections.

Its conversations need a gateway's database: `tests/integration/agents/test_claude_agent.py` tests them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.agents.claude.settings import ClaudeAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import JsonObject, Turn
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.fakes.model_api import ModelApi
from tests.faults.proxy import Proxy, open_proxy
from turngate.testing.agents import Ability, Fault, Provider

KEY = "sk-ant-very-secret"
LONG = "A rather long answer, said in many small pieces."


class ClaudeProvider(Provider):
    """A server of Anthropic's API."""

    def __init__(self, api: ModelApi, proxy: Proxy) -> None:
        self._api = api
        self._proxy = proxy

    def agent(self) -> Agent:
        settings = ClaudeAgentSettings.model_validate(
            {
                "kind": "claude",
                "model": "claude-sonnet-4-5",
                "api_key": KEY,
                "base_url": f"http://127.0.0.1:{self._proxy.number}",
                "target": "tests.integration.agents.claude_options:calculator",
            }
        )
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent

    async def answers(self) -> str:
        await self._api.adds_fixture({}, {"content": "Hello.", "usage": {"input_tokens": 7, "output_tokens": 2}})
        return "Say hello."

    async def streams(self) -> str:
        await self._api.answers(LONG, "at length", chunkSize=5)
        return "Answer at length."

    async def calls_tools(self) -> str:
        call: JsonObject = {"name": "mcp__calc__add", "arguments": '{"a": 2, "b": 3}', "id": "toolu_1"}
        await self._api.adds_fixture({"userMessage": "sum", "hasToolResult": True}, {"content": "It is 5."})
        await self._api.adds_fixture({"userMessage": "sum"}, {"toolCalls": [call]})
        return "The sum of 2 and 3?"

    async def reasons(self) -> str:
        await self._api.adds_fixture({"userMessage": "think"}, {"content": "Yes.", "reasoning": "Let me think."})
        return "Please think."

    async def recalls(self) -> str:
        return await self.answers()

    async def recalled(self, turn: Turn, reply: str) -> str:
        # Requests do not name their turn, and two turns may differ only in what was said before.
        mark = turn.history[0].content if turn.history and turn.agent_session is None else turn.text
        asked = [str(request.body["messages"]) for request in await self._api.requests()]
        return next(messages for messages in reversed(asked) if mark in messages)

    async def waits(self) -> str:
        await self._api.answers(LONG, "slowly", chunkSize=5, streamingProfile={"ttft": 0, "tps": 0.01})
        return "Answer slowly."

    async def hung_up(self) -> bool:
        return len(self._proxy) == 0

    async def fails(self, fault: Fault) -> str:
        match fault:
            case "down":
                await self._api.refuses(500, "out of order")
            case "refuses":
                await self._api.refuses(401, f"wrong API key: {KEY}")
            case "silent":
                await self._api.answers(LONG, streamingProfile={"ttft": 3_600_000})
            case _:
                raise NotImplementedError(fault)
        return "hi"


@dataclass(frozen=True)
class ClaudeUnderTest:
    """The kind `claude`, at a server that several cases share."""

    api: ModelApi
    abilities: frozenset[Ability] = frozenset(
        {
            *("streams", "calls_tools", "reasons", "reports_usage", "recalls", "waits", "hangs_up"),
            *("down", "refuses", "silent"),
        }
    )
    secrets: Sequence[str] = (KEY,)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        await self.api.reset()
        place = urlsplit(self.api.url)
        async with open_proxy((str(place.hostname), int(str(place.port)))) as proxy:
            yield ClaudeProvider(self.api, proxy)
