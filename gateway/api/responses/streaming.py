"""Response bodies sent piece by piece, such as server-sent events (HTML standard, 9.2)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

import orjson
import structlog
from aiohttp import hdrs, web

from gateway.api.requests.limits import stream_slot
from gateway.core.model import JsonObject
from gateway.errors import GatewayError

log = structlog.get_logger(__name__)

EVENT_STREAM = "text/event-stream"
HEADERS = {
    hdrs.CONTENT_TYPE: EVENT_STREAM,
    hdrs.CACHE_CONTROL: "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would buffer the response
    "x-vercel-ai-ui-message-stream": "v1",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """When a stream sends data, by `clock`, in seconds; `stalled_s`: how long a peer may leave sent data unread."""

    clock: Callable[[], float]
    stalled_s: float


PACE = web.AppKey("pace", Pace)
Batches: TypeAlias = AsyncGenerator[Sequence[JsonObject], None]
KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
REFUSED = re.compile(r"q=0(\.0{0,3})?")
"""A weight that excludes a type (RFC 9110, section 12.4.2)."""


def wants_stream(request: web.Request) -> bool:
    """Whether the caller accepts event streams."""
    accepted = ",".join(request.headers.getall(hdrs.ACCEPT, ())).lower().split(",")
    return any(_names_events(media_range) for media_range in accepted)


def _names_events(media_range: str) -> bool:
    media, *parameters = (part.strip() for part in media_range.split(";"))
    return media == EVENT_STREAM and not any(REFUSED.fullmatch(parameter) for parameter in parameters)


def answering(request: web.Request) -> AbstractContextManager[None]:
    """Wraps the work for a response that may be a stream, from its start. Raises `TooManyRequests`."""
    return stream_slot(request) if wants_stream(request) else nullcontext()


async def stream(request: web.Request, batches: Batches) -> web.StreamResponse:
    """Writes chunks as they come, then the end mark. An empty batch only indicates that time has passed.

    Ends early if the caller disconnects or stops reading, which affects nobody else.
    """
    response = web.StreamResponse(headers=HEADERS)
    async with aclosing(batches), aclosing(_framed(request, batches)) as pieces:
        if await _taken(request, response.prepare(request)):
            await send(request, response, pieces)
    return response


async def send(request: web.Request, response: web.StreamResponse, pieces: AsyncGenerator[bytes]) -> web.StreamResponse:
    """Writes a body piece by piece; the headers go with the first piece, so that earlier errors can still be reported.

    Later errors are logged and the connection is closed: half a body must not pass for a whole one, and no second response can follow.
    """
    try:
        async for piece in pieces:
            if not response.prepared and not await _taken(request, response.prepare(request)):
                return response
            if not await _taken(request, response.write(piece)):
                return response
        await _taken(request, response.write_eof())
    except Exception as error:
        if not response.prepared:
            raise
        _log_cut(request, error)
        _hang_up(request)
    return response


async def _taken(request: web.Request, sending: Awaitable[object]) -> bool:
    """Sends; returns False if the caller has gone, or does not read and is therefore disconnected."""
    try:
        async with asyncio.timeout(request.config_dict[PACE].stalled_s):
            await sending
    except ConnectionError:
        return False
    except TimeoutError:
        _hang_up(request)
        return False
    return True


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _log_cut(request: web.Request, error: Exception) -> None:
    if isinstance(error, GatewayError):
        log.warning("stream_cut_off", path=request.path, reason=str(error))
    else:
        log.error("stream_cut_off", path=request.path, exc_info=error)


async def _framed(request: web.Request, batches: Batches) -> AsyncGenerator[bytes, None]:
    clock = request.config_dict[PACE].clock
    spoke = clock()
    async for batch in batches:
        if request.transport is None or request.transport.is_closing():
            return
        if not batch and clock() - spoke < KEEP_ALIVE_S:
            continue
        spoke = clock()
        yield b"".join(_frames(batch)) or KEEP_ALIVE
    yield DONE


def _frames(batch: Sequence[JsonObject]) -> Iterator[bytes]:
    for chunk in batch:
        yield b"data: %b\n\n" % _encoded(chunk)


def _encoded(chunk: JsonObject) -> bytes:
    try:
        return orjson.dumps(chunk)
    except TypeError:
        # Tools may receive integers beyond 64 bits, which orjson rejects.
        return json.dumps(chunk).encode()
