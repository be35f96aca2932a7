"""Reads the body of a request and decodes its content coding (RFC 9110, section 8.4)."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import hdrs, web

from gateway.api.parts import PUBLIC, parts_of
from gateway.core.limits.settings import Limits
from gateway.errors import InvalidInput, TooLarge

PLAIN = frozenset({"", "identity"})
KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
FRAMED = zlib.MAX_WBITS | 32
"""For zlib: detects the gzip or zlib header."""
UNFRAMED = -zlib.MAX_WBITS
LONGEST_PUBLIC = 16_384
TOO_LARGE = "The body is larger than this route or limits.max_frame allows."
MISCODED = "The body does not match its Content-Encoding. Send it unencoded, or encoded once with gzip or deflate."


async def body_of(request: web.Request) -> bytes:
    """Reads the whole body. Raises `InvalidInput`, also for one that arrives too slowly, or `TooLarge` above `longest_body`."""
    return await read_body(request, parts_of(request).settings.limits, longest_body(request))


async def read_body(request: web.Request, limits: Limits, longest: int) -> bytes:
    """As `body_of`, for bodies of up to `longest` bytes."""
    body = await _read(request, limits, longest)
    coding = request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    if not body or coding in PLAIN:
        return body
    if coding not in KNOWN:
        raise InvalidInput(MISCODED)
    return decoded(body, coding, longest)


def longest_body(request: web.Request) -> int:
    """Bytes; few for routes that need no token."""
    limit = parts_of(request).settings.limits.max_frame
    return min(limit, LONGEST_PUBLIC) if request.path in request.app[PUBLIC] else limit


async def _read(request: web.Request, limits: Limits, longest: int) -> bytes:
    if (request.content_length or 0) > longest:
        raise TooLarge(TOO_LARGE)
    now, body = asyncio.get_running_loop().time, bytearray()
    due = now() + limits.body_s
    try:
        async with asyncio.timeout_at(due) as deadline:
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > longest:
                    raise TooLarge(TOO_LARGE)
                # A large first part is no excuse for stalling: the body stays in memory in the meantime.
                due = min(due + len(piece) / limits.body_rate, now() + limits.body_s)
                deadline.reschedule(due)
    except web.RequestPayloadError:
        raise InvalidInput("The body ends too early or is not chunked correctly.") from None
    except TimeoutError:
        raise InvalidInput("The body arrived too slowly (limits.body_s, limits.body_rate). Send it again.") from None
    return bytes(body)


def decoded(body: bytes, coding: str, longest: int) -> bytes:
    """Decodes a body to at most `longest` bytes, however small it was. Raises `InvalidInput` or `TooLarge`."""
    decoder = zlib.decompressobj(UNFRAMED if coding == "deflate" and not _has_frame(body) else FRAMED)
    try:
        plain = decoder.decompress(body, longest + 1)
    except zlib.error:
        raise InvalidInput(MISCODED) from None
    if len(plain) > longest:
        raise TooLarge(TOO_LARGE)
    if not decoder.eof or decoder.unused_data:
        raise InvalidInput(MISCODED)
    return plain


def _has_frame(body: bytes) -> bool:
    """RFC 1950, section 2.2. Some clients send `deflate` without the header that it should have."""
    return body[0] & 0x0F == zlib.DEFLATED
