"""The kind `openai` under test: its agent as a gateway builds it, against aimock, through a proxy that sees the connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import JsonObject, Turn
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.fakes.model_api import ModelApi
from tests.faults.proxy import Proxy, open_proxy
from turngate.testing.agents import ABILITIES, Ability, Fault, Provider

KEY = "sk-very-secret"
KEY_HEADER = "idempotency-key"
TIMEOUT_S = 4
LONG = "A rather long answer, said in many small pieces."
CANNOT: frozenset[Ability] = frozenset(
    {"calls_tools", "reasons", "sends_files", "keeps_sessions", "forks", "asks_approval"}
)
"""Chat completions know no sessions, and this kind passes on text only."""


class ModelProvider(Provider):
    """A server with OpenAI's API."""

    def __init__(self, api: ModelApi, proxy: Proxy, keys: Mapping[str, str] = MappingProxyType({})) -> None:
        self._api = api
        self._proxy = proxy
        self._keys = keys

    @property
    def base_url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._proxy.number}/v1"

    def agent(self) -> Agent:
        settings = OpenAIAgentSettings.model_validate(
            {
                "kind": "openai",
                "model": "gpt-4o",
                "api_key": SecretStr(KEY),
                "base_url": self.base_url,
                "timeout_s": TIMEOUT_S,
                **self._keys,
            }
        )
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent

    async def answers(self) -> str:
        used: JsonObject = {"prompt_tokens": 9, "completion_tokens": 2}
        await self._api.adds_fixture({}, {"content": "Hello.", "usage": used})
        return "Say hello."

    async def streams(self) -> str:
        await self._api.answers(LONG, "at length", chunkSize=5)
        return "Answer at length."

    async def reasons(self) -> str:
        await self._api.adds_fixture({"userMessage": "think"}, {"content": "Yes.", "reasoning": "Let me think."})
        return "Please think."

    async def recalls(self) -> str:
        return await self.answers()

    async def recalled(self, turn: Turn, reply: str) -> str:
        (request,) = [asked for asked in await self._api.requests() if asked.headers[KEY_HEADER] == str(turn.turn_id)]
        return str(request.body["messages"])

    async def waits(self) -> str:
        await self._api.answers(LONG, "slowly", chunkSize=5, streamingProfile={"ttft": 0, "tps": 0.01})
        return "Answer slowly."

    async def hung_up(self) -> bool:
        return len(self._proxy) == 0

    async def keys(self) -> Sequence[str]:
        return [request.headers.get(KEY_HEADER, "") for request in await self._api.requests()]

    async def fails(self, fault: Fault) -> str:
        match fault:
            case "stumbles":
                await self._api.refuses(503, "overloaded", call=0)
                await self._api.answers("At last.")
            case "busy":
                await self._api.refuses(429, "slow down", retryAfter=3_600)
            case "down":
                await self._api.refuses(500, "out of order")
            case "refuses":
                await self._api.refuses(401, f"wrong API key: {KEY}")
            case "cuts":
                await self._api.answers(LONG, chunkSize=5, truncateAfterChunks=3, latency=30)
            case "slow":
                await self._api.answers(LONG, streamingProfile={"ttft": 1_000})
            case "silent":
                await self._api.answers(LONG, streamingProfile={"ttft": 3_600_000})
        return "hi"


@asynccontextmanager
async def proxy_to(api: ModelApi) -> AsyncIterator[Proxy]:
    """A way to the server, which has forgotten what it was asked."""
    await api.reset()
    place = urlsplit(api.url)
    async with open_proxy((str(place.hostname), int(str(place.port)))) as proxy:
        yield proxy


@dataclass(frozen=True)
class OpenAIUnderTest:
    """The kind `openai`, at a server that several cases share."""

    api: ModelApi
    abilities: frozenset[Ability] = frozenset(ABILITIES) - CANNOT
    secrets: Sequence[str] = (KEY,)
    settings: Mapping[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        async with proxy_to(self.api) as proxy:
            yield ModelProvider(self.api, proxy, self.settings)


@dataclass(frozen=True)
class ResponsesUnderTest(OpenAIUnderTest):
    """The same with `api = "responses"`."""

    abilities: frozenset[Ability] = frozenset(ABILITIES) - CANNOT | {"reasons"}
    settings: Mapping[str, str] = field(default_factory=lambda: {"api": "responses", "reasoning_summary": "auto"})
