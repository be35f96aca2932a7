"""One conversation with each server, in its own clients' protocol: a short message, and the whole streamed answer."""

from __future__ import annotations

import json
from typing import Protocol
from uuid import uuid4

import aiohttp

from bench.client import Talker
from bench.conversation import AGENT, QUESTION, token_of
from bench.errors import BenchError


class Talk(Protocol):
    """A conversation. `turn` returns once the answer has arrived completely."""

    async def open(self, user: str) -> None: ...

    async def turn(self) -> None: ...

    async def close(self) -> None: ...


class TurngateSocket:
    """`/ws`."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def open(self, user: str) -> None:
        self._talker = Talker(await self._http.ws_connect(f"{self._url}/ws", max_msg_size=0, decode_text=False))
        await self._talker.hello(user)

    async def turn(self) -> None:
        await self._talker.turn()

    async def close(self) -> None:
        await self._talker.close()


class Streaming:
    """A request whose answer is a stream of events."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._headers: dict[str, str] = {}

    async def close(self) -> None:
        """Nothing is open between turns."""

    async def _made(self, path: str, body: dict[str, object], name: str) -> str:
        async with self._http.post(f"{self._url}{path}", json=body, headers=self._headers) as answer:
            return str((await answer.json())[name])

    async def _hear(self, path: str, **request: object) -> None:
        headers = {**self._headers, "Accept": "text/event-stream"}
        async with self._http.post(f"{self._url}{path}", headers=headers, **request) as answer:  # type: ignore[arg-type] # json or data
            heard = await answer.read()
        # Every peer gives the same answer.
        if answer.status != 200 or b"on the way" not in heard:
            raise BenchError(f"{path} answered {answer.status}: {heard[:500]!r}")


class TurngateHttp(Streaming):
    """AI SDK's stream of UI messages."""

    async def open(self, user: str) -> None:
        self._headers = {"Authorization": f"Bearer {token_of(user)}"}
        self._session = await self._made("/api/chat/sessions", {"agent_name": AGENT}, "session_id")

    async def turn(self) -> None:
        body = {"id": uuid4().hex, "text": QUESTION}
        await self._hear(f"/api/chat/sessions/{self._session}/messages", json=body)


class AgentOs(Streaming):
    """agno's runs of an agent."""

    async def open(self, user: str) -> None:
        self._session = {"user_id": user, "session_id": uuid4().hex}

    async def turn(self) -> None:
        form = {"message": QUESTION, "stream": "true", **self._session}
        await self._hear(f"/agents/{AGENT}/runs", data=form)


class LangGraph(Streaming):
    """Runs on a thread."""

    async def open(self, user: str) -> None:  # noqa: ARG002 - the server knows no users
        self._thread = await self._made("/threads", {}, "thread_id")

    async def turn(self) -> None:
        asked = {"messages": [{"role": "user", "content": QUESTION}]}
        body = {"assistant_id": AGENT, "input": asked, "stream_mode": ["messages-tuple"]}
        await self._hear(f"/threads/{self._thread}/runs/stream", json=body)


class Chainlit:
    """Its web client's Socket.IO (protocol 5 over Engine.IO 4), on a WebSocket from the start."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def open(self, user: str) -> None:
        path = f"{self._url}/ws/socket.io/?EIO=4&transport=websocket"
        self._socket = await self._http.ws_connect(path, max_msg_size=0)
        await self._hear("0")
        hello = {"clientType": "webapp", "sessionId": str(uuid4()), "threadId": "", "userEnv": "{}", "chatProfile": ""}
        await self._socket.send_str(f"40{json.dumps({**hello, 'user': user})}")
        await self._hear("40")
        await self._socket.send_str('42["connection_successful"]')
        await self._ends()

    async def turn(self) -> None:
        message = {"id": str(uuid4()), "threadId": "", "name": "user", "type": "user_message", "output": QUESTION}
        said = {"message": {**message, "createdAt": "2026-01-01T00:00:00Z"}, "fileReferences": []}
        await self._socket.send_str(f"42{json.dumps(['client_message', said])}")
        await self._ends()

    async def close(self) -> None:
        await self._socket.close()

    async def _ends(self) -> None:
        """Waits for a task's beginning, then its end; ignores the end of other tasks."""
        await self._hear('42["task_start"')
        await self._hear('42["task_end"')

    async def _hear(self, mark: str) -> None:
        while True:
            frame = await self._socket.receive_str()
            if frame == "2":
                await self._socket.send_str("3")
            if frame.startswith(mark):
                return
