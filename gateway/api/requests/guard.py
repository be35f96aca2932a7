"""Checks that every request passes before its route: origin, authentication, a body of valid JSON."""

from __future__ import annotations

import re
from http import HTTPStatus

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.api.parts import PRINCIPAL, PUBLIC, parts_of
from gateway.api.requests.bodies import body_of
from gateway.api.requests.connections import SERVER
from gateway.api.requests.limits import guess_counted
from gateway.core.commands import Command
from gateway.core.content.storable import require_storable
from gateway.core.model import Principal
from gateway.errors import Forbidden, InvalidInput, Unauthenticated

GUARDED = ("/api/", "/v1/")
READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
TALKING = re.compile(r"/v1/.*|/api/chat|/api/chat/sessions/[^/]+/(messages|regenerate)|/api/turns/[^/]+/cancel")
"""Where a revoked token may still work for the seconds it is cached: these requests are part of a conversation."""
LONG_S = 1.0
IDENTIFIED_AT = web.RequestKey("identified_at", float)
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'{sockets}; "
    "img-src 'self' data:; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
STAINLESS = ("Arch", "Lang", "OS", "Package-Version", "Retry-Count", "Runtime", "Runtime-Version", "Timeout")
"""The `X-Stainless-…` headers of OpenAI's JavaScript client; a browser's preflight asks for them."""
TAKEN_HEADERS = (
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Prefer",
    "X-Session-Id",
    *(f"X-Stainless-{name}" for name in STAINLESS),
)
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": ", ".join(TAKEN_HEADERS),
    "Access-Control-Max-Age": "600",
}


async def set_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Sets the headers of every response; CORS for allowed origins (Fetch standard, CORS protocol)."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = SERVER
    response.headers.setdefault("Content-Security-Policy", content_security_policy(request.host))
    if not request.path.startswith(GUARDED):
        return
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.add("Vary", "Origin")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and parts_of(request).origin_allowed(origin, request.host):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After, X-Session-Id"


def content_security_policy(host: str) -> str:
    """Lets the gateway's pages connect to the gateway only, by the host they were opened with.

    Browsers that don't include WebSockets in `'self'` (CSP level 2) need them named.
    """
    sockets = f" ws://{host} wss://{host}" if PLAIN_HOST.fullmatch(host) else ""
    return CONTENT_SECURITY_POLICY.format(sockets=sockets)


@web.middleware
async def origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses pages of other origins and answers preflights."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or not request.path.startswith(GUARDED):
        return await handler(request)
    if not parts_of(request).origin_allowed(origin, request.host):
        raise Forbidden("Pages from this origin may not call the gateway. web.allowed_origins lists those that may.")
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=PREFLIGHT_HEADERS)
    return await handler(request)


async def identify(request: web.Request) -> Principal:
    """Authenticates the caller. Raises `Unauthenticated`, `Forbidden`, or `TooManyRequests` for an address with many wrong tokens."""
    token = _token(request)
    with guess_counted(request, token):
        return await parts_of(request).authenticator.authenticate(token, request.headers.get(hdrs.ORIGIN))


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("A token is required: Authorization: Bearer <token>.")
    return token.strip()


@web.middleware
async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every route below `/api` and `/v1` needs a caller, except those that issue tokens."""
    if request.path.startswith(GUARDED) and request.path not in request.app[PUBLIC]:
        request[PRINCIPAL] = await identify(request)
        request[IDENTIFIED_AT] = parts_of(request).clock()
    return await handler(request)


@web.middleware
async def recheck_token(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Rechecks the token before anything that would outlive it, and again after a body that took long to arrive."""
    if PRINCIPAL in request:
        talks = request.method == hdrs.METH_POST and TALKING.fullmatch(request.path)
        if request.method not in READING and not talks:
            await reauthenticate(request)
        elif parts_of(request).clock() - request[IDENTIFIED_AT] > LONG_S:
            request[PRINCIPAL] = await identify(request)
    return await handler(request)


async def reauthenticate(request: web.Request) -> None:
    """Authenticates the caller without the token cache. Raises like `identify`."""
    parts_of(request).authenticator.uncache(_token(request))
    request[PRINCIPAL] = await identify(request)


async def check_command(request: web.Request, command: Command | None) -> None:
    """Call before accepting a message: some chat commands do more than talk. Raises like `identify`."""
    if command is not None and command.outlives_token:
        await reauthenticate(request)


@web.middleware
async def check_input(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Accepts only query strings and JSON objects that Postgres can store; routes check the rest."""
    if not request.path.startswith(GUARDED):
        return await handler(request)
    for name, value in request.query.items():
        require_storable(name, "The query string")
        require_storable(value, name)
    body = await body_of(request)
    require_json_object(body, request.charset)
    # If every field is optional, so is the body.
    request._read_bytes = body or b"{}"  # noqa: SLF001 - aiohttp has no other way to set the body
    return await handler(request)


def require_json_object(body: bytes, charset: str | None) -> None:
    """Raises `InvalidInput` unless the body is empty or a JSON object in UTF-8 (RFC 8259) that Postgres can store."""
    if charset is not None and charset.lower() not in {"utf-8", "utf8"}:
        raise InvalidInput("The body should be JSON in UTF-8.")
    if not body:
        return
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The body should be JSON in UTF-8: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidInput("The body should be a JSON object.")
    for name, field in value.items():
        require_storable(name, "The body")
        require_storable(field, name, depth=1)
