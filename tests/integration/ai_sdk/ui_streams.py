"""UI message streams, read from the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.world import PATIENCE_S, Person

SESSIONS = "/api/chat/sessions"
AGENTS = ("plain", "teller", "stumbling", "wavering", "sorry")
STREAMED = {"Accept": "text/event-stream"}


def settings(**more: Any) -> dict[str, Any]:
    """Agents of `tests.ai_sdk.agents`; `plain` is the default one."""
    agents = {name: {"kind": "python", "target": f"tests.ai_sdk.agents:{name}"} for name in AGENTS}
    return {"agents": agents, "default_agent": "plain", "turns": {"max_attempts": 2}, **more}


@dataclass
class Stream:
    """The part of a response that has been read."""

    response: aiohttp.ClientResponse
    chunks: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    done: bool = False

    async def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next chunk of that type with those fields."""
        while True:
            chunk = await self._next()
            assert chunk is not None, self.chunks
            if chunk["type"] == kind and all(chunk.get(name) == value for name, value in fields.items()):
                return chunk

    async def hears_comment(self) -> str:
        """The next keep-alive."""
        while not self.comments:
            assert await self._next() is not None
        return self.comments[-1]

    async def ends(self) -> list[dict[str, Any]]:
        """All chunks, once the stream has ended."""
        while await self._next() is not None:
            pass
        assert self.done
        return self.chunks

    async def _next(self) -> dict[str, Any] | None:
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.response.content.readline()).decode().rstrip("\n"):
                if line.startswith(":"):
                    self.comments.append(line)
                    await self.response.content.readline()
                    return {"type": "comment"}
                assert line.startswith("data: "), line
                assert await self.response.content.readline() == b"\n"
                if line == "data: [DONE]":
                    self.done = True
                    return None
                self.chunks.append(orjson.loads(line.removeprefix("data: ")))
                return self.chunks[-1]
        return None


@asynccontextmanager
async def streaming_from(
    person: Person, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    """A stream with status 200."""
    async with person.http.request(
        "GET" if body is None else "POST",
        f"{person.url}{path}",
        json=body,
        headers={"Authorization": f"Bearer {person.token}", **(headers or {})},
    ) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)


def sending(person: Person, session: str, text: str, **more: Any) -> Any:
    """A message to a session, streamed."""
    return streaming_from(person, f"{SESSIONS}/{session}/messages", {"text": text, **more}, STREAMED)


def chat(text: str, chat_id: str = "c1", key: str = "m1", **more: Any) -> dict[str, Any]:
    """The body that `useChat` posts."""
    message = {"id": key, "role": "user", "parts": [{"type": "text", "text": text}]}
    return {"id": chat_id, "messages": [message], "trigger": "submit-message", **more}


def text_in(chunks: list[dict[str, Any]]) -> str:
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


async def session_with(person: Person, agent: str) -> str:
    made = await person.posts(SESSIONS, 201, agent_name=agent)
    return str(made["session_id"])


def go(folder: Path, name: str = "go") -> None:
    (folder / name).touch()
