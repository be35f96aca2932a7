"""Requests of the A2A client: to no address that is not allowed, and with answers of limited size."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx

from gateway.agents.http.addresses import checked
from gateway.agents.http.faults import Unusable

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host. Raises `OSError` for an unknown one."""


async def by_system(host: str, port: int) -> list[str]:
    """Asks the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


@dataclass(slots=True)
class PinnedTransport(httpx.AsyncBaseTransport):
    """Connects to the address that it has checked; the certificate is for the name (httpx's `sni_hostname`)."""

    inner: httpx.AsyncBaseTransport
    lookup: Lookup
    allow_private: bool
    max_answer: int

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises `Misconfigured` for an address that is not allowed, `Unusable` for an answer in a form that was not asked for."""
        host = request.url.host
        try:
            addresses = await self.lookup(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        except OSError as error:
            raise httpx.ConnectError(f"unknown host: {error}", request=request) from error
        if not self.allow_private:
            checked(addresses)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=addresses[0])
        response = await self.inner.handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise Unusable("answered in an encoding that the request does not allow.")
        if isinstance(response.stream, httpx.AsyncByteStream):  # always so in an asynchronous client
            response.stream = Limited(response.stream, self.max_answer)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass(slots=True)
class Limited(httpx.AsyncByteStream):
    """A response's body, which ends with `Unusable` beyond `limit` bytes."""

    inner: httpx.AsyncByteStream
    limit: int

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self.inner:
            size += len(piece)
            if size > self.limit:
                raise Unusable(f"answered more than {self.limit:,} bytes (`max_answer`).")
            yield piece

    async def aclose(self) -> None:
        await self.inner.aclose()


def http_client(
    transport: PinnedTransport, headers: dict[str, str], connect_s: float, idle_s: float
) -> httpx.AsyncClient:
    """Follows no redirect, uses no proxy, and asks for no compression."""
    return httpx.AsyncClient(
        transport=transport,
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(idle_s, connect=connect_s, pool=None),
        follow_redirects=False,
        trust_env=False,
    )


def direct(tls: ssl.SSLContext | None) -> httpx.AsyncHTTPTransport:
    """A connection per request: one that is kept for an address might be for another name."""
    return httpx.AsyncHTTPTransport(
        verify=True if tls is None else tls, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )
