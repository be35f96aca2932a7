"""The WebSocket channel: `/ws`."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import hdrs, web

from channels.websocket.connection import CLOSE_S, Connection
from channels.websocket.credential import Caller
from channels.websocket.faults import ORIGIN, RESTARTING, HangUp
from channels.websocket.parts import Parts
from gateway.core.limits.addresses import AddressRule
from gateway.core.measuring.metrics import SOCKETS
from gateway.errors import Forbidden

DRAIN_S = 1.2
UPGRADE = {hdrs.UPGRADE: "websocket", hdrs.CONNECTION: "Upgrade"}
NO_UPGRADE = "This is the WebSocket endpoint: connect with Upgrade: websocket. The HTTP API is under /api."
"""RFC 9110, section 15.5.22."""


class SocketResponse(web.WebSocketResponse[Literal[False]]):
    """The response to an upgrade, which serves its socket as its body: once the handler and the middlewares have returned.

    Each of them would otherwise occupy memory for as long as the socket is open.
    """

    # More attributes in its dict, and Python no longer shares the dict's keys among instances: a kilobyte each.
    __slots__ = ("_open", "connection")

    def __init__(self, open_: set[Connection], parts: Parts) -> None:
        super().__init__(
            timeout=CLOSE_S,
            heartbeat=parts.heartbeat_s,
            compress=False,  # zlib keeps a state of hundreds of KB per socket
            max_msg_size=parts.max_frame,
            decode_text=False,
        )
        self._open = open_
        self.connection: Connection | None = None

    async def write_eof(self) -> None:  # type: ignore[override] # as in its base class
        """Returns when the socket has ended; aiohttp calls it after the middlewares."""
        if (connection := self.connection) is not None:
            self._open.add(connection)
            SOCKETS.inc()
            try:
                await connection.serve()
            finally:
                SOCKETS.dec()
                self._open.discard(connection)
        await super().write_eof()


class WebSocketChannel:
    """All sockets of this replica. The bus's topics record what they follow."""

    def __init__(self, parts: Parts, addresses: AddressRule) -> None:
        self._parts = parts
        self._addresses = addresses
        self._open: set[Connection] = set()
        self._draining = False

    def __len__(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route's handler; returns as soon as the socket is open."""
        if request.headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket":
            raise web.HTTPUpgradeRequired(text=NO_UPGRADE, headers=UPGRADE)
        socket = SocketResponse(self._open, self._parts)
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response()  # the client has gone and will not read it
        origin = request.headers.get(hdrs.ORIGIN)
        address = self._addresses.client(request.remote, request.headers.getall("X-Forwarded-For", ()))
        connection = Connection(socket, request.transport, Caller(origin, address), self._parts)
        refusal = self._refusal(origin, request.host)
        if refusal is not None:
            await connection.hang_up(refusal)
        else:
            socket.connection = connection
        return socket

    async def drain(self) -> None:
        """Closes every socket with 1012, all at once, within little more than a second; later ones are closed when they open."""
        self._draining = True
        closing = [
            self._parts.tasks.start(connection.close(RESTARTING), "websocket drain") for connection in self._open
        ]
        if closing:
            await asyncio.wait(closing, timeout=DRAIN_S)
        await self._parts.tasks.stop()

    def _refusal(self, origin: str | None, host: str) -> HangUp | None:
        if self._draining:
            return HangUp(RESTARTING)
        if not self._parts.origins.allows(origin, host):
            return HangUp(
                ORIGIN, Forbidden("Pages from this origin may not connect; web.allowed_origins lists those that may.")
            )
        return None
