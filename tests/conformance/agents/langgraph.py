"""The kind `langgraph` under test: a graph with LangChain's model of OpenAI, against aimock, through a proxy.

Its threads are tested with a database in `tests/integration/agents/test_langgraph_agent.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from gateway.agents.langgraph.settings import LangGraphAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import JsonObject, Turn
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.fakes.model_api import ModelApi
from tests.faults.proxy import Proxy, open_proxy
from turngate.testing.agents import Ability, Fault, Provider

KEY = "sk-very-secret"
LONG = "A rather long answer, said in many small pieces."
SERVER = {"url": ""}
"""Where the graph's model is; its author would know."""
THREADS = InMemorySaver()
"""What outlives a gateway."""


@tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def graph() -> StateGraph[MessagesState]:
    """A model that may call a tool."""
    model = ChatOpenAI.model_validate(
        {"model": "gpt-4o", "base_url": SERVER["url"], "api_key": KEY, "max_retries": 1, "stream_usage": True}
    )
    with_tools = model.bind_tools([add])

    async def answer(state: MessagesState) -> MessagesState:
        return {"messages": [await with_tools.ainvoke(state["messages"])]}

    return (
        StateGraph(MessagesState)
        .add_node("answer", answer)
        .add_node("tools", ToolNode([add]))
        .add_edge(START, "answer")
        .add_conditional_edges("answer", tools_condition)
        .add_edge("tools", "answer")
    )


def remembering() -> object:
    """The same graph with threads."""
    return graph().compile(checkpointer=THREADS)


class GraphProvider(Provider):
    """A server of chat completions."""

    def __init__(self, api: ModelApi, proxy: Proxy) -> None:
        self._api = api
        self._proxy = proxy

    def agent(self) -> Agent:
        SERVER["url"] = f"http://127.0.0.1:{self._proxy.number}/v1"
        settings = LangGraphAgentSettings(kind="langgraph", target=f"{__name__}:remembering")
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent

    async def answers(self) -> str:
        await self._api.answers("Hello.")
        return "Say hello."

    async def streams(self) -> str:
        await self._api.answers(LONG, "at length", chunkSize=5)
        return "Answer at length."

    async def calls_tools(self) -> str:
        call: JsonObject = {"name": "add", "arguments": '{"a": 2, "b": 3}', "id": "call_1"}
        await self._api.adds_fixture({"userMessage": "sum", "hasToolResult": True}, {"content": "It is 5."})
        await self._api.adds_fixture({"userMessage": "sum"}, {"toolCalls": [call]})
        return "The sum of 2 and 3?"

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
            case "stumbles":
                await self._api.refuses(503, "overloaded", call=0)
                await self._api.answers("At last.")
            case "busy":
                await self._api.refuses(429, "slow down")
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


@dataclass(frozen=True)
class LangGraphUnderTest:
    """The kind `langgraph`, at a server that several cases share."""

    api: ModelApi
    abilities: frozenset[Ability] = frozenset(
        {
            *("streams", "calls_tools", "reports_usage", "recalls", "keeps_sessions", "forks", "waits", "hangs_up"),
            *("stumbles", "busy", "down", "refuses", "cuts", "slow", "silent"),
        }
    )
    secrets: Sequence[str] = ()
    """The model has its own key, and the graph's author its errors."""

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        await self.api.reset()
        place = urlsplit(self.api.url)
        async with open_proxy((str(place.hostname), int(str(place.port)))) as proxy:
            yield GraphProvider(self.api, proxy)
