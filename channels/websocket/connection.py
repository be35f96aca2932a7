"""One socket, from its hello to its close."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from aiohttp import WebSocketError, WSMsgType

from channels.websocket import server_frames
from channels.websocket.admission import overloaded
from channels.websocket.client_frames import Choose, ClientFrame, Hello, Send, Watch, parse
from channels.websocket.conversation import Conversation
from channels.websocket.credential import Caller, Credential
from channels.websocket.faults import (
    INVALID_TEXT,
    RESTARTING,
    UNAUTHENTICATED,
    BadFrame,
    BrokenText,
    HangUp,
    code_of,
)
from channels.websocket.linger import drop_incoming, keep_open
from channels.websocket.outgoing import BytesSocket, Outgoing
from channels.websocket.parts import Parts
from gateway.errors import GatewayError, StoreUnavailable, Unauthenticated

log = structlog.get_logger(__name__)

NOT_YET = "The gateway is starting, stopping, or without its database. Reconnect in a moment."
HELLO_TRIES = 5
FLUSH_S = 0.5
"""Seconds for sending queued frames before the close frame …"""
CLOSE_S = 2.0
"""… and seconds for the peer to answer it …"""
LINGER_S = 10.0
"""… and to read what is in the network's buffers."""


class Connection:
    """Handles incoming frames one after another; never waits for an agent."""

    __slots__ = (
        "_closing",
        "_conversation",
        "_credential",
        "_outgoing",
        "_parts",
        "_socket",
        "_transport",
        "_waited_s",
    )

    def __init__(self, socket: BytesSocket, transport: asyncio.Transport | None, caller: Caller, parts: Parts) -> None:
        self._socket = socket
        self._transport = transport
        self._parts = parts
        self._outgoing = Outgoing(socket, transport, parts.tasks, self._give_up, parts.delayed_flush)
        self._conversation: Conversation | None = None
        self._credential = Credential(caller, parts, self._over)
        self._closing = False
        self._waited_s = 0.0

    async def serve(self) -> None:
        """Returns when the socket has ended, for whatever reason."""
        try:
            conversation = await self._greet()
            while conversation is not None and (data := await self._receive()) is not None:
                await self._handle(data)
        except HangUp as order:
            await self.hang_up(order)
        finally:
            self._forget()

    async def hang_up(self, order: HangUp) -> None:
        """Says why, and closes the socket."""
        if order.error is not None:
            self._outgoing.put(server_frames.error(code_of(order.error), str(order.error)))
        await self.close(order.code)

    async def close(self, code: int) -> None:
        """Sends what is queued as far as the peer accepts it, then closes; takes three seconds at most."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._outgoing.finish()
        self._outgoing.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=code)
        if self._transport is not None:
            asyncio.get_running_loop().call_later(LINGER_S, self._transport.abort)

    def _give_up(self, code: int) -> None:
        log.info("socket_given_up", code=code, user_id=self._user_id)
        self._parts.tasks.start(self.close(code), "websocket close")

    @property
    def _user_id(self) -> str | None:
        return None if self._conversation is None else self._conversation.principal.user_id

    def _forget(self) -> None:
        self._outgoing.end()
        self._credential.release()
        if self._conversation is not None:
            self._conversation.end()

    # Hello ------------------------------------------------------------------------------------------------------------

    async def _greet(self) -> Conversation | None:
        begun = asyncio.get_running_loop().time()
        for _ in range(HELLO_TRIES):
            try:
                # Waiting for admission is not the client's delay.
                async with asyncio.timeout_at(begun + self._parts.hello_s + self._waited_s):
                    data = await self._receive()
            except TimeoutError:
                break
            if data is None:
                return None
            await self._handle(data)
            if self._conversation is not None:
                return self._conversation
        if self._parts.admission.is_full:
            raise overloaded()  # the delay may be ours
        raise HangUp(UNAUTHENTICATED, Unauthenticated(f"No hello frame arrived within {self._parts.hello_s:.0f} s."))

    async def _hello(self, hello: Hello) -> None:
        loop = asyncio.get_running_loop()
        came = loop.time()
        async with self._parts.admission.entering():
            self._waited_s += loop.time() - came
            # Serving a client that left while it waited would cost the next ones time.
            if self._transport is None or not self._transport.is_closing():
                await self._enter(hello)

    async def _enter(self, hello: Hello) -> None:
        if not self._parts.accepting():
            # A client that is told `ready` sends what it has kept, and all of that would be refused.
            raise HangUp(RESTARTING, StoreUnavailable(NOT_YET))
        principal = await self._credential.present(hello.token)
        if self._conversation is None or self._conversation.principal != principal:
            if self._conversation is not None:
                self._conversation.end()
            self._credential.hold(principal)
            self._conversation = Conversation(principal, self._parts, self._outgoing)
        await self._conversation.enter(hello)

    def _over(self, why: str) -> None:
        """Events in these sessions are no longer for this token."""
        if self._conversation is not None:
            self._conversation.end()
        self._parts.tasks.start(self.hang_up(HangUp(UNAUTHENTICATED, Unauthenticated(why))), "websocket over")

    # Frames -----------------------------------------------------------------------------------------------------------

    async def _receive(self) -> bytes | None:
        while True:
            try:
                message = await self._socket.receive()
            except ConnectionError:
                # It answers pings by itself, and the transport may be closing.
                return None
            if message.type is WSMsgType.TEXT:
                data: bytes = message.data
                return data
            if message.type is not WSMsgType.BINARY:
                if isinstance(message.data, WebSocketError):
                    self._linger()
                return None
            self._outgoing.put(server_frames.error("invalid", "Frames should be JSON text."))

    def _linger(self) -> None:
        spare = None if self._transport is None else keep_open(self._transport)
        if spare is not None:
            # A task of its own: this one ends with the transport.
            self._parts.tasks.start(drop_incoming(spare, CLOSE_S), "websocket linger")

    async def _handle(self, data: bytes) -> None:
        client_id = None
        try:
            if self._conversation is not None:
                self._parts.limits.frame(self._conversation.principal)
            frame = parse(data)
            client_id = frame.id
            await self._do(frame)
        except BrokenText as error:
            raise HangUp(INVALID_TEXT, error) from None
        except GatewayError as error:
            client_id = error.reply_to if isinstance(error, BadFrame) else client_id
            self._outgoing.put(server_frames.error(code_of(error), str(error), client_id))
        except HangUp:
            raise
        except Exception:
            log.exception("frame_failed", user_id=self._user_id, client_id=client_id)
            text = "Something went wrong in the gateway, and the outcome is unknown. Try again."
            self._outgoing.put(server_frames.error("internal", text, client_id))

    async def _do(self, frame: ClientFrame) -> None:
        if isinstance(frame, Hello):
            await self._hello(frame)
        elif self._conversation is None:
            raise HangUp(UNAUTHENTICATED, Unauthenticated("The first frame should be a hello frame."))
        else:
            if isinstance(frame, Send | Watch | Choose):
                await self._credential.check(frame if isinstance(frame, Send) else None)
            await self._conversation.handle(frame)
