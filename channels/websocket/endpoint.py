"""The WebSocket channel: `/ws`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import hdrs, web

from channels.websocket.allowance import Allowance
from channels.websocket.connection import CLOSE_S, Caller, Connection
from channels.websocket.faults import ORIGIN, RESTARTING, HangUp
from channels.websocket.origin import OriginRule
from channels.websocket.outgoing import BytesSocket
from channels.websocket.parts import Parts
from gateway.config import Settings
from gateway.core.background import Background
from gateway.core.intake.message_rates import MessageRates
from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.callers import Callers
from gateway.core.limits.guesses import Guesses
from gateway.core.live.live_turns import LiveTurns
from gateway.core.metrics import SOCKETS
from gateway.core.model import AgentName
from gateway.core.ports.sessions.sessions import MessageStore, SessionStore
from gateway.core.ports.users.tokens import Authenticator
from gateway.core.service import Intake
from gateway.core.users.visitors import Visitors
from gateway.errors import Forbidden

HEARTBEAT_S = 25.0
DRAIN_S = 1.2
UPGRADE = {hdrs.UPGRADE: "websocket", hdrs.CONNECTION: "Upgrade"}
NO_UPGRADE = "This is where WebSockets are opened: ask for it with Upgrade: websocket. Over HTTP there is /api."
"""RFC 9110, section 15.5.22."""


@dataclass(frozen=True, slots=True)
class WebSocketParts:
    """What the channel is built with."""

    intake: Intake
    sessions: SessionStore
    messages: MessageStore
    live: LiveTurns
    authenticator: Authenticator
    guesses: Guesses
    callers: Callers
    message_rates: MessageRates
    visitors: Visitors
    settings: Settings


class WebSocketChannel:
    """All sockets of this replica. What they follow stands in the bus's topics."""

    def __init__(self, parts: WebSocketParts) -> None:
        settings = parts.settings
        self._tasks = Background()
        self._parts = Parts(
            intake=parts.intake,
            sessions=parts.sessions,
            messages=parts.messages,
            live=parts.live,
            authenticator=parts.authenticator,
            agents=frozenset(map(AgentName, settings.agents)),
            default_agent=AgentName(settings.default_agent),
            origins=OriginRule(settings.web.allowed_origins, settings.public_url),
            allowance=Allowance(settings.limits, parts.message_rates),
            guesses=parts.guesses,
            callers=parts.callers,
            visitors=parts.visitors,
            max_text=settings.turns.max_text,
            max_frame=settings.limits.max_frame,
            tasks=self._tasks,
        )
        self._addresses = AddressRule.of(settings.limits.trusted_proxies)
        self._open: set[Connection] = set()
        self._draining = False

    def __len__(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route's handler; returns when the socket has ended."""
        if request.headers.get(hdrs.UPGRADE, "").strip().lower() != "websocket":
            raise web.HTTPUpgradeRequired(text=NO_UPGRADE, headers=UPGRADE)
        socket: BytesSocket = web.WebSocketResponse(
            timeout=CLOSE_S,
            heartbeat=HEARTBEAT_S,
            compress=False,  # zlib keeps a state of hundreds of KB per socket
            max_msg_size=self._parts.max_frame,
            decode_text=False,
        )
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response()  # whoever asked has gone again, and will not read it
        origin = request.headers.get(hdrs.ORIGIN)
        address = self._addresses.client(request.remote, request.headers.getall("X-Forwarded-For", ()))
        connection = Connection(socket, request.transport, Caller(origin, address), self._parts)
        refusal = self._refusal(origin, request.host)
        if refusal is not None:
            await connection.hang_up(refusal)
            return socket
        self._open.add(connection)
        SOCKETS.inc()
        try:
            await connection.serve()
        finally:
            SOCKETS.dec()
            self._open.discard(connection)
        return socket

    async def drain(self) -> None:
        """Closes every socket with 1012, all at once, within little more than a second; later ones are closed at their start."""
        self._draining = True
        closing = [self._tasks.start(connection.close(RESTARTING), "websocket drain") for connection in self._open]
        if closing:
            await asyncio.wait(closing, timeout=DRAIN_S)
        await self._tasks.stop()

    def _refusal(self, origin: str | None, host: str) -> HangUp | None:
        if self._draining:
            return HangUp(RESTARTING)
        if not self._parts.origins.allows(origin, host):
            return HangUp(ORIGIN, Forbidden("Pages of this origin may not connect; web.allowed_origins lists who may."))
        return None
