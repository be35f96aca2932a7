"""A server that agents of kind `http` send turns to, and the agents of a test."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.agents.http.agent import HttpAgent, build
from gateway.agents.http.server import Server
from gateway.agents.http.settings import HttpAgentSettings
from gateway.core.model import AgentName

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoaXMgdGVzdCwgbG9uZyBlbm91Z2g="
TOKEN = "token-of-this-test"
STREAM = "text/event-stream"


@dataclass
class Peer:
    """The server: answers with each handler once, with the last one from then on, and keeps what it received."""

    url: str = ""
    handlers: list[Handler] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    open: int = 0
    """How many requests are being answered."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """The client has closed the connection during an answer."""

    def answers(self, *handlers: Handler) -> None:
        """Plans the answers."""
        self.handlers = list(handlers)

    @property
    def body(self) -> Any:
        """The newest request's."""
        return json.loads(self.bodies[-1])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        handler = self.handlers.pop(0) if len(self.handlers) > 1 else self.handlers[0]
        self.open += 1
        try:
            return await handler(request)
        except asyncio.CancelledError:
            self.gone.set()
            raise
        finally:
            self.open -= 1


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A server on a free port of this machine."""
    peer = Peer()
    app = web.Application()
    app.router.add_route("*", "/turn{rest:.*}", peer.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    peer.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/turn"
    try:
        yield peer
    finally:
        await runner.cleanup()


@dataclass
class Names(AbstractResolver):
    """A resolver that says what a test tells it: one list of addresses per look-up, the last one from then on."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        family = socket.AF_INET6 if ":" in found[0] else socket.AF_INET
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0) for address in found
        ]

    async def close(self) -> None:
        pass


def agent_of(
    url: str,
    timeout_s: float = 30,
    resolver: AbstractResolver | None = None,
    tls: ssl.SSLContext | None = None,
    **keys: Any,
) -> HttpAgent:
    """An agent that may send turns to this machine, with secrets."""
    given = {"allow_private": True, "secret": SECRET, "headers": {"Authorization": f"Bearer {TOKEN}"}, **keys}
    settings = HttpAgentSettings.model_validate({"kind": "http", "url": url, **given})
    server = Server(settings, resolver, tls)
    return build(AgentName("assistant"), settings, timedelta(seconds=timeout_s), server)


def says(body: object, content_type: str = "application/json", **headers: str) -> Handler:
    """Answers with a body: JSON, unless it is text or bytes."""

    async def handler(_: web.Request) -> web.StreamResponse:
        data = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        return web.Response(body=data, headers={"Content-Type": content_type, **headers})

    return handler


def refuses(status: int, text: str = "", **headers: str) -> Handler:
    """Answers with a status."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return handler


def streams(*pieces: bytes | dict[str, Any], then: Callable[[web.Request], Awaitable[None]] | None = None) -> Handler:
    """Answers with events, or raw bytes; `then` is what happens before the stream ends."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": STREAM})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece if isinstance(piece, bytes) else event(piece))
        if then is not None:
            await then(request)
        return response

    return handler


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(data)}\n\n".encode()


async def forever(_: web.Request) -> None:
    """Until the client closes the connection."""
    await asyncio.Event().wait()


async def hang(request: web.Request) -> web.StreamResponse:
    """Answers nothing."""
    await forever(request)
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    """Closes the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_now(request: web.Request) -> None:
    """Closes the connection in the middle of a stream."""
    assert request.transport is not None
    request.transport.abort()
