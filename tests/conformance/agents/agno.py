"""The kind `agno` under test: an Agent with Agno's model of OpenAI, against aimock, through a proxy.

Its sessions are tested with a database in `tests/integration/agents/test_agno_agent.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from agno.agent import Agent as Assistant
from agno.db.in_memory import InMemoryDb
from agno.models.openai import OpenAIChat

from gateway.agents.agno.settings import AgnoAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.conformance.agents.langgraph import KEY, GraphProvider, LangGraphUnderTest
from tests.fakes.model_api import ModelApi
from tests.faults.proxy import open_proxy
from turngate.testing.agents import Provider

SERVER = {"url": ""}
"""Where the model is; its author would know."""
SESSIONS = InMemoryDb()  # type: ignore[no-untyped-call]
"""What outlives a gateway."""
MODELS: list[OpenAIChat] = []
"""Those whose connections are to be closed."""


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def assistant() -> Assistant:
    """A model that may call a tool."""
    model = OpenAIChat(id="gpt-4o", base_url=SERVER["url"], api_key=KEY, max_retries=1)
    MODELS.append(model)
    return Assistant(model=model, tools=[add], db=SESSIONS)


class AgnoProvider(GraphProvider):
    """The same server of chat completions."""

    def agent(self) -> Agent:
        SERVER["url"] = f"http://127.0.0.1:{self._proxy.number}/v1"
        settings = AgnoAgentSettings(kind="agno", target=f"{__name__}:assistant")
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent


@dataclass(frozen=True)
class AgnoUnderTest:
    """The kind `agno`, at a server that several cases share."""

    api: ModelApi
    abilities = LangGraphUnderTest.abilities
    secrets: Sequence[str] = ()
    """The model has its own key, and the agent's author its errors."""

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        await self.api.reset()
        place = urlsplit(self.api.url)
        async with open_proxy((str(place.hostname), int(str(place.port)))) as proxy:
            yield AgnoProvider(self.api, proxy)
            while MODELS:
                await MODELS.pop().get_async_client().close()
