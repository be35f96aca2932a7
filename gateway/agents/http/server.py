"""One server, and one exchange with it: within time limits and size limits, to no address that is not allowed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from gateway.agents.http.addresses import PublicResolver
from gateway.agents.http.faults import CutOff, Refused, TooSlow, Unusable, before_answer
from gateway.agents.http.settings import HttpAgentSettings

KEEP_ALIVE_S = 4.0
"""Less than common servers keep an idle connection (Node and uvicorn: 5 s)."""
SETTLE_S = 0.05
"""Seconds for the end of a response to follow the last event."""
LONGEST_QUOTE = 500
QUOTE_S = 2.0
STREAM = "text/event-stream"
JSON = "application/json"


@dataclass(slots=True)
class Server:
    """Where turns are sent. `resolver` looks up its name, `tls` decides whom to trust; None: as the system does."""

    settings: HttpAgentSettings
    resolver: AbstractResolver | None = None
    tls: ssl.SSLContext | None = None
    _session: aiohttp.ClientSession | None = field(init=False, default=None)

    @property
    def url(self) -> URL:
        """Its path and query may be secret; `origin()` is not."""
        return URL(self.settings.url)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answering:
        """Returns the answer once its first bytes are there. Raises a `Fault`."""
        seconds = self.settings.first_byte_s
        try:
            async with asyncio.timeout(seconds):
                return await self._begin(body, headers)
        except aiohttp.ClientError as error:  # before TimeoutError: some are both
            raise before_answer(error) from error
        except TimeoutError:
            raise TooSlow(f"did not begin its answer within {seconds} s.") from None

    async def touch(self, headers: Mapping[str, str]) -> None:
        """Asks for nothing but headers; any answer will do. Raises a `Fault`."""
        try:
            async with self._client().head(self.url, headers=headers, allow_redirects=False):
                return
        except aiohttp.ClientError as error:
            raise before_answer(error) from error

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    async def _begin(self, body: bytes, headers: Mapping[str, str]) -> Answering:
        response = await self._client().post(self.url, data=body, headers=headers, allow_redirects=False)
        try:
            if not 200 <= response.status < 300:
                await _refuse(response)
            _check_type(response)
            return Answering(response, await _next_piece(response), self.settings)
        except BaseException:
            response.close()
            raise

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=self.settings.connect_s),
                auto_decompress=False,
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        resolver = self.resolver or aiohttp.ThreadedResolver()
        return aiohttp.TCPConnector(
            limit=0,  # the gateway limits how many turns run
            keepalive_timeout=KEEP_ALIVE_S,
            resolver=resolver if self.settings.allow_private else PublicResolver(resolver),
            use_dns_cache=False,
            ssl=self.tls or True,
        )


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer that has begun."""

    response: aiohttp.ClientResponse
    first: bytes
    settings: HttpAgentSettings

    @property
    def is_stream(self) -> bool:
        """Whether it consists of events; otherwise it is JSON."""
        return self.response.content_type == STREAM

    def close(self) -> None:
        """Closes the connection, unless the answer is complete: a server that still writes must notice at once."""
        self.response.close()

    async def settle(self) -> None:
        """Waits a moment for the end of the response: then the connection can be used again."""
        with suppress(TimeoutError, CutOff):
            async with asyncio.timeout(SETTLE_S):
                while await _next_piece(self.response):
                    pass

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the answer's bytes. Raises a `Fault` if it stalls, breaks off or is too long."""
        size, piece = 0, self.first
        while piece:
            size += len(piece)
            if size > self.settings.max_answer:
                raise Unusable(f"answered more than {self.settings.max_answer:,} bytes (`max_answer`).")
            yield piece
            try:
                async with asyncio.timeout(self.settings.idle_s):
                    piece = await _next_piece(self.response)
            except TimeoutError:
                raise TooSlow(f"sent nothing for {self.settings.idle_s} s in the middle of its answer.") from None


async def _next_piece(response: aiohttp.ClientResponse) -> bytes:
    """Returns b"" at the end. Raises `CutOff` if the connection broke."""
    try:
        return await response.content.readany()
    except aiohttp.ClientError as error:
        raise CutOff(f"cut its answer off: {type(error).__name__}.") from error


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raises `Refused` with the beginning of what the server says."""
    said = b""
    try:
        async with asyncio.timeout(QUOTE_S):
            said = await response.content.read(LONGEST_QUOTE)
    except (TimeoutError, aiohttp.ClientError):
        pass  # the status says enough
    raise Refused(response.status, said.decode(errors="replace"), response.headers.get("Retry-After"))


def _check_type(response: aiohttp.ClientResponse) -> None:
    kind, encoding = response.headers.get("Content-Type", ""), response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Unusable(f"answered in the encoding {encoding[:100]!r}, although the request asks for none.")
    plain = kind.partition(";")[0].strip().lower()
    is_json = plain == JSON or (plain.startswith("application/") and plain.endswith("+json"))
    if plain != STREAM and not is_json:
        raise Unusable(f"answered with the content type {kind[:100]!r}; it should be {JSON} or {STREAM}.")
