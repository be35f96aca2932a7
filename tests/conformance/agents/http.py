"""The kind `http` under test: its agent as a gateway builds it, against a server with a memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import web
from pydantic import SecretStr

from gateway.agents.http.settings import HttpAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.ports.agents import Agent
from gateway.core.settings import Turns
from tests.integration.agents.http_server import (
    SECRET,
    TOKEN,
    Handler,
    Peer,
    cut_now,
    forever,
    hang,
    refuses,
    serving,
    streams,
)
from turngate.testing.agents import ABILITIES, Ability, Fault, Provider

TIMEOUT_S = 4
CANNOT: frozenset[Ability] = frozenset({"forks", "asks_approval"})
"""A server is not told of forks and deletions: a fork begins a new conversation of its own with the history."""


def piece(text: str) -> dict[str, object]:
    """The next piece of a text."""
    return {"type": "text-delta", "id": "1", "delta": text}


LONG = [piece(f"{word} ") for word in ["A", "rather", "long", "answer,", "said", "in", "many", "small", "pieces."]]
FINISH = {"type": "finish"}
TOOL: list[dict[str, object]] = [
    {"type": "tool-input-available", "toolCallId": "c", "toolName": "clock", "input": {"zone": "UTC"}},
    {"type": "tool-output-available", "toolCallId": "c", "output": "noon"},
]
THOUGHT = {"type": "reasoning-delta", "id": "r", "delta": "Let me think."}
FILE = {"type": "file", "url": "https://example.com/cat.png", "mediaType": "image/png"}


@dataclass
class Memory:
    """The server's own conversations, by name: it answers with all that it knows of one."""

    known: dict[str, list[str]] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Learns what is new: everything, in a conversation that it does not know yet."""
        turn = await request.json()
        name = turn["agent_session"] or f"thread-{uuid4().hex}"
        history = turn["history"]
        unseen = history[len(history) - turn["unseen"] :] if turn["agent_session"] else history
        known = self.known.setdefault(name, [])
        known += [message["content"] for message in unseen + turn["messages"]]
        usage = {"input_tokens": 3, "output_tokens": 5, "model": "parrot"}
        return web.json_response({"text": f"I know: {known}", "agent_session": name, "usage": usage})


class ServerProvider(Provider):
    """A server that answers turns."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._memory = Memory()

    def agent(self) -> Agent:
        settings = HttpAgentSettings(
            kind="http",
            url=self._peer.url,
            secret=SecretStr(SECRET),
            headers={"Authorization": SecretStr(f"Bearer {TOKEN}")},
            allow_private=True,
            timeout_s=TIMEOUT_S,
        )
        (agent,) = build_agents({"assistant": settings}, Turns()).values()
        return agent

    async def answers(self) -> str:
        return self._plans(self._memory.answer)

    async def streams(self) -> str:
        return self._plans(streams(*LONG, FINISH))

    async def calls_tools(self) -> str:
        return self._plans(streams(*TOOL, piece("It is noon."), FINISH))

    async def reasons(self) -> str:
        return self._plans(streams(THOUGHT, piece("Well."), FINISH))

    async def sends_files(self) -> str:
        return self._plans(streams(piece("Here."), FILE, FINISH))

    async def recalls(self) -> str:
        return await self.answers()

    async def waits(self) -> str:
        return self._plans(streams(LONG[0], then=forever))

    async def hung_up(self) -> bool:
        return self._peer.open == 0

    async def keys(self) -> Sequence[str]:
        return [request.headers.get("Idempotency-Key", "") for request in self._peer.requests]

    async def fails(self, fault: Fault) -> str:
        faults: Mapping[Fault, Sequence[Handler]] = {
            "stumbles": (refuses(503, "overloaded"), self._memory.answer),
            "busy": (refuses(429, "slow down", Retry_After="3600"),),
            "down": (refuses(500, "out of order"),),
            "refuses": (refuses(401, f"wrong token: {TOKEN}, {SECRET}"),),
            "cuts": (streams(*LONG[:3], then=cut_now),),
            "slow": (self._thinks,),
            "silent": (hang,),
        }
        return self._plans(*faults[fault])

    async def _thinks(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return await self._memory.answer(request)

    def _plans(self, *handlers: Handler) -> str:
        self._peer.answers(*handlers)
        return "hi"


@dataclass(frozen=True)
class HttpUnderTest:
    """The kind `http`."""

    abilities: frozenset[Ability] = frozenset(ABILITIES) - CANNOT
    secrets: Sequence[str] = (SECRET, TOKEN)

    @asynccontextmanager
    async def opens(self) -> AsyncIterator[Provider]:
        async with serving() as peer:
            yield ServerProvider(peer)
