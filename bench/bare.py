"""The reference: a WebSocket, two commits per turn, the fastest libraries there are, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import asyncpg
import orjson
import uvloop
from aiohttp import WSMsgType, web

from bench.conversation import REPLY

Socket: TypeAlias = "web.WebSocketResponse[Literal[False]]"
CONNECTIONS = 16
"""As many as the gateway's pool has."""
INSERT = "INSERT INTO bare_messages (user_id, role, content) VALUES ($1, $2, $3) RETURNING id, created_at"


@dataclass(frozen=True, slots=True)
class BareLoop:
    """Receives a message, stores and acknowledges it, then stores and sends the reply."""

    pool: asyncpg.Pool

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket: Socket = web.WebSocketResponse(compress=False, heartbeat=25, decode_text=False)
        await socket.prepare(request)
        hello = await socket.receive()
        user = orjson.loads(hello.data)["token"]
        await _say(socket, {"type": "ready"})
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            frame = orjson.loads(message.data)
            message_id, _ = await self._keep(user, "user", frame["text"])
            await _say(socket, {"type": "ack", "id": frame["id"], "message_id": message_id})
            reply_id, created_at = await self._keep(user, "assistant", REPLY)
            reply = {"id": reply_id, "role": "assistant", "content": REPLY, "created_at": created_at}
            await _say(socket, {"type": "message", "message": reply})
        return socket

    async def _keep(self, user: str, role: str, content: str) -> tuple[int, datetime]:
        """One statement, one commit."""
        row = await self.pool.fetchrow(INSERT, user, role, content)
        assert row is not None
        return row["id"], row["created_at"]


async def _say(socket: Socket, frame: dict[str, object]) -> None:
    await socket.send_frame(orjson.dumps(frame), WSMsgType.TEXT)


async def _as_it_is(_connection: object) -> None:
    """Saves the round trip that resets a connection, as the gateway does."""


async def main(database_url: str) -> None:
    """Serves on a free port until SIGTERM; prints the port on standard error, as the gateway does."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with asyncpg.create_pool(database_url, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=_as_it_is) as pool:
        app = web.Application()
        app.router.add_get("/ws", BareLoop(pool).handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        ready = {"event": "ready", "url": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        print(orjson.dumps(ready).decode(), file=sys.stderr, flush=True)
        await stopping.wait()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
