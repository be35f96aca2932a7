"""Server-sent events (HTML standard, 9.2): the response that a stream of chunks is written into."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import TypeAlias

import orjson
from aiohttp import hdrs, web

from gateway.api.limits import stream_slot
from gateway.core.model import JsonObject

EVENT_STREAM = "text/event-stream"
HEADERS = {
    hdrs.CONTENT_TYPE: EVENT_STREAM,
    hdrs.CACHE_CONTROL: "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would collect the answer before it passes it on
    "x-vercel-ai-ui-message-stream": "v1",
}
Batches: TypeAlias = AsyncGenerator[Sequence[JsonObject], None]
KEEP_ALIVE_S = 15.0
STALLED_S = 30.0
"""How long a peer may leave a chunk unread before it is hung up on; the turn goes on."""
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def wants_stream(request: web.Request) -> bool:
    """Whether the caller names event streams among what it takes."""
    return EVENT_STREAM in request.headers.get(hdrs.ACCEPT, "").lower()


def answering(request: web.Request) -> AbstractContextManager[None]:
    """Around the work for an answer that may be a stream, from before it is begun. Raises `TooManyRequests`."""
    return stream_slot(request) if wants_stream(request) else nullcontext()


async def stream(request: web.Request, batches: Batches) -> web.StreamResponse:
    """Writes chunks as they come, then the end mark. An empty batch says only that time has passed.

    Ends early when the caller hangs up or stops reading; nobody else is bothered by that.
    """
    response = web.StreamResponse(headers=HEADERS)
    try:
        async with aclosing(batches), aclosing(_framed(request, batches)) as pieces:
            await response.prepare(request)
            async for piece in pieces:
                async with asyncio.timeout(STALLED_S):
                    await response.write(piece)
            await response.write_eof()
    except ConnectionError:
        pass  # whoever asked has gone, and can come back for the rest
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response


async def _framed(request: web.Request, batches: Batches) -> AsyncGenerator[bytes, None]:
    spoke = time.monotonic()
    async for batch in batches:
        if request.transport is None or request.transport.is_closing():
            return
        if not batch and time.monotonic() - spoke < KEEP_ALIVE_S:
            continue
        spoke = time.monotonic()
        yield b"".join(_frames(batch)) or KEEP_ALIVE
    yield DONE


def _frames(batch: Sequence[JsonObject]) -> Iterator[bytes]:
    for chunk in batch:
        yield b"data: %b\n\n" % _encoded(chunk)


def _encoded(chunk: JsonObject) -> bytes:
    try:
        return orjson.dumps(chunk)
    except TypeError:
        # Tools may be given integers beyond 64 bits, which orjson refuses.
        return json.dumps(chunk).encode()
