"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from gateway.api.requests.faults import faults_of
from gateway.core.model import JsonValue
from gateway.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    InvalidInput,
    NotFound,
    Stale,
    StoreUnavailable,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)

log = structlog.get_logger(__name__)

STATUSES: tuple[tuple[type[GatewayError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidInput, HTTPStatus.BAD_REQUEST),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Stale, HTTPStatus.PRECONDITION_FAILED),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first matching class decides, so subclasses come first."""
STORE_RETRY_S = 2
KEPT_HEADERS = ("Allow", "Connection", "Location", "Upgrade")
OURS = "Something went wrong in the gateway. The log has the details."
DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This route does not support that method; the Allow header lists those it does.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than limits.max_frame allows.",
}


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, JsonValue]] = (),
) -> web.Response:
    """Builds a problem document; `type` is `about:blank`, so `title` is the status's own phrase (RFC 9457, section 4.2.1)."""
    body: dict[str, object] = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    if errors:
        body["errors"] = errors
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/problem+json", headers=headers
    )


async def invalid(error: ValidationError, context: str, known: Collection[str] = ()) -> web.StreamResponse:
    """Reports what a request's fields should be, field by field. `known`: the fields that the body may have."""
    faults = faults_of(error, known if context == "body" else ())
    detail = "; ".join(f"{fault.field or context}: {fault.message}" for fault in faults[:5])
    errors = [{"in": context, "field": fault.field, "message": fault.message} for fault in faults[:50]]
    return problem(HTTPStatus.BAD_REQUEST, detail, errors=errors)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error with a problem document; an unforeseen one is logged, without details for the caller."""
    try:
        return await handler(request)
    except GatewayError as error:
        return foreseen(error)
    except web.HTTPException as error:
        return _of_aiohttp(error)
    except Exception as error:
        if isinstance(error, ConnectionError) and request.transport is None:
            return web.Response()  # the caller disconnected and will not read it
        log.exception("request_failed", method=request.method, path=request.path)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OURS)


def foreseen(error: GatewayError) -> web.Response:
    """Builds the problem document of one of our own errors."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return problem(status, str(error), headers=_headers(error))
    log.error("request_failed", error=str(error))
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OURS)


def unreadable(status: HTTPStatus, reason: str) -> web.Response:
    """Builds the problem document of a request that no handler saw. `reason`: the parser's; its first line says what is wrong."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(status, OURS)
    what = reason.partition("\n")[0].rstrip(":. ")
    return problem(
        status, f"This is not valid HTTP: {what}. In a URL, percent-encode blanks and whatever is not ASCII."
    )


def _headers(error: GatewayError) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": "Bearer"}
        case TooManyRequests():
            return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
        case Stale():
            return {"ETag": f'"{error.version}"'}
        case StoreUnavailable():
            return {"Retry-After": str(STORE_RETRY_S)}
        case _:
            return {}


def _of_aiohttp(error: web.HTTPException) -> web.StreamResponse:
    if error.status < HTTPStatus.BAD_REQUEST:
        raise error
    status = HTTPStatus(error.status)
    headers = {name: error.headers[name] for name in KEPT_HEADERS if name in error.headers}
    return problem(status, DETAILS.get(status) or error.text or error.reason, headers=headers)
