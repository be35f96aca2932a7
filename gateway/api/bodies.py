"""The body of a request as its sender meant it, without its content coding (RFC 9110, section 8.4)."""

from __future__ import annotations

import zlib

from aiohttp import hdrs, web

from gateway.api.parts import parts_of
from gateway.errors import InvalidInput, TooLarge

PLAIN = frozenset({"", "identity"})
KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
FRAMED = zlib.MAX_WBITS | 32
"""For zlib: the frame is gzip's or zlib's own, whichever it begins with."""
UNFRAMED = -zlib.MAX_WBITS
MISCODED = "The body is not what its Content-Encoding says. Send it as it is, or coded once with gzip or deflate."


async def body_of(request: web.Request) -> bytes:
    """Reads it to its end. Raises `InvalidInput`, or `TooLarge` for one that holds more than `limits.max_frame`."""
    try:
        body = await request.read()
    except web.RequestPayloadError:
        raise InvalidInput("The body ends too early, or its chunks are none.") from None
    coding = request.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    if not body or coding in PLAIN:
        return body
    if coding not in KNOWN:
        raise InvalidInput(MISCODED)
    return decoded(body, coding, parts_of(request).settings.limits.max_frame)


def decoded(body: bytes, coding: str, longest: int) -> bytes:
    """What was coded, `longest` bytes at most, however little it was coded into. Raises `InvalidInput` or `TooLarge`."""
    decoder = zlib.decompressobj(UNFRAMED if coding == "deflate" and not _has_frame(body) else FRAMED)
    try:
        plain = decoder.decompress(body, longest + 1)
    except zlib.error:
        raise InvalidInput(MISCODED) from None
    if len(plain) > longest:
        raise TooLarge("The body is larger than limits.max_frame allows.")
    if not decoder.eof or decoder.unused_data:
        raise InvalidInput(MISCODED)
    return plain


def _has_frame(body: bytes) -> bool:
    """RFC 1950, section 2.2. Some send `deflate` without the frame that it should have."""
    return body[0] & 0x0F == zlib.DEFLATED
