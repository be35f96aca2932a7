"""The port's connections: each is monitored from before its first byte, and closed when it occupies a place without using it."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import cast

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.api.requests.problems import unreadable
from gateway.core.limits.addresses import AddressRule
from gateway.core.limits.connection_limiter import ConnectionLimiter, ConnectionLimits
from gateway.core.limits.settings import Limits
from gateway.core.measuring.metrics import CONNECTIONS, CONNECTIONS_DROPPED, HTTP_SECONDS

log = structlog.get_logger(__name__)

SERVER = "turngate"
"""The `Server` header names no version, which would only tell attackers what to try."""
IDLE_S = 75.0
"""Idle connections are kept longer than proxies keep theirs (60 s), so that none uses one that is about to close."""
REST_S = 0.25
"""Minimum seconds between sweeps, however many connections are dropped."""
TELL_EVERY_S = 10.0
LEAST_RESERVED, MOST_RESERVED = 96, 1_200
"""Open files reserved for everything but connections to the port: the database's, agents', logs, and a whole backlog of
new connections, which are accepted before the ones that make room for them are closed.
"""
LEAST_CAPACITY = 16
MANY_FILES = 65_536


class WatchedConnection(web.RequestHandler):
    """A connection that reports its state to its limiter."""

    __slots__ = ("_limiter", "_peer", "address")

    def __init__(self, server: web.Server, limiter: ConnectionLimiter) -> None:
        loop = asyncio.get_running_loop()
        # Content codings are decoded in gateway.api.requests.bodies, which can say what is wrong with one.
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # None turns the access log off
            auto_decompress=False,
            keepalive_timeout=IDLE_S,
        )
        self._limiter = limiter
        self._peer: asyncio.Transport | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        if self._limiter.admit(self):
            super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._limiter.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport is not None:
            self._limiter.heard(self)
            super().data_received(data)

    def drop(self) -> None:
        """Closes the connection at once."""
        if self._peer is not None:
            self._peer.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Responds to bytes that are not HTTP. Anybody may send such, so only the gateway's own faults are logged as errors."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)
        else:
            log.debug("request_unreadable", address=self.address, status=status)
        response = unreadable(HTTPStatus(status), message or "")
        response.headers[hdrs.SERVER] = SERVER
        response.force_close()
        return response

    def begins(self) -> None:
        """A request has arrived."""
        self._limiter.begins(self)

    def ends(self) -> None:
        """The request was answered."""
        self._limiter.ends(self)


@web.middleware
async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Marks the connection as in use while the request is being answered; a WebSocket's stays in use until it closes."""
    connection = request.protocol
    if not isinstance(connection, WatchedConnection):
        return await handler(request)
    connection.begins()
    begun, status = time.monotonic(), HTTPStatus.INTERNAL_SERVER_ERROR.value
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            connection.ends()
            _count(request, status, time.monotonic() - begun)


def _count(request: web.Request, status: int, seconds: float) -> None:
    """Counts by the route's template: paths contain ids, and those without a route may contain anything."""
    method = request.method if request.method in hdrs.METH_ALL else "other"
    found = request.match_info.route.resource
    route = "none" if found is None else found.canonical
    HTTP_SECONDS.labels(method, route, f"{status // 100}xx").observe(seconds)


def connection_limiter(limits: Limits) -> ConnectionLimiter:
    """Creates a limiter, sized by the files that this process may open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MANY_FILES if files == resource.RLIM_INFINITY else files
    reserved = min(max(files // 4, LEAST_RESERVED), MOST_RESERVED)
    capacity = max(files - reserved, LEAST_CAPACITY)
    return ConnectionLimiter(
        ConnectionLimits(limits.connections_per_address, limits.header_s, capacity),
        AddressRule.of(limits.trusted_proxies),
    )


def raise_file_limit() -> None:
    """Raises the limit of open files to what the system allows: shells give 1,024, and each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def enforced(limiter: ConnectionLimiter) -> AsyncIterator[None]:
    """Enforces the deadlines of connections, and logs dropped connections: at most one line every ten seconds."""
    CONNECTIONS.set_function(limiter.__len__)
    enforcing = asyncio.create_task(_enforce(limiter), name="connections")
    try:
        yield
    finally:
        enforcing.cancel()
        await asyncio.wait({enforcing})


async def _enforce(limiter: ConnectionLimiter) -> None:
    loop = asyncio.get_running_loop()
    told_at = float("-inf")
    while True:
        await limiter.alarm.rings()
        limiter.sweep()
        if limiter.dropped and (wait_s := told_at + TELL_EVERY_S - loop.time()) > 0:
            limiter.alarm.set(wait_s)
        elif limiter.dropped:
            told_at = loop.time()
            _tell(limiter)
        await asyncio.sleep(REST_S)


def _tell(limiter: ConnectionLimiter) -> None:
    dropped, limiter.dropped = limiter.dropped, Counter()
    reasons: Counter[str] = Counter()
    addresses: Counter[str] = Counter()
    for (reason, address), times in dropped.items():
        reasons[reason] += times
        addresses[address] += times
        CONNECTIONS_DROPPED.labels(reason).inc(times)
    most, times = addresses.most_common(1)[0]
    log.warning("connections_dropped", **reasons, mostly_from=most, of_it=times, open=len(limiter))
