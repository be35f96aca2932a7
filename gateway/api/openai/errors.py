"""Errors below `/v1` in the format of OpenAI's clients: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.responses.answers import json
from gateway.core.model import JsonObject

PLACE = "/v1"
PROBLEM = "application/problem+json"
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients retry after a 5xx by themselves; this tells them not to."""
CODES = {
    HTTPStatus.UNAUTHORIZED: "invalid_api_key",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_exceeded",
    HTTPStatus.SERVICE_UNAVAILABLE: "service_unavailable",
}


def error_json(status: HTTPStatus, message: str, code: str | None = None, param: str | None = None) -> JsonObject:
    """Builds the error object; its `type` follows from the status."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "rate_limit_error"
    else:
        kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code or CODES.get(status)}}


def refusal(
    status: HTTPStatus,
    message: str,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Builds an error response."""
    response = json(error_json(status, message, code, param), status)
    response.headers.update(headers or {})
    return response


@web.middleware
async def openai_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Converts every problem below `/v1`, wherever it was found, to OpenAI's format."""
    response = await handler(request)
    if not request.path.startswith(f"{PLACE}/") and request.path != PLACE:
        return response
    if not isinstance(response, web.Response) or response.content_type != PROBLEM:
        return response
    problem: JsonObject = orjson.loads(response.text or "{}")
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    code = "unknown_url" if response.status == HTTPStatus.NOT_FOUND and _unrouted(request) else None
    message, param = _told(problem)
    return refusal(HTTPStatus(response.status), message, code, param, headers)


def _unrouted(request: web.Request) -> bool:
    return request.match_info.http_exception is not None


def _told(problem: JsonObject) -> tuple[str, str | None]:
    """Returns the message, and the first parameter at fault, such as `messages[0].content`."""
    faults = problem.get("errors")
    named = [
        (_in_brackets(str(fault["field"])), str(fault["message"]))
        for fault in (faults if isinstance(faults, list) else [])
        if isinstance(fault, dict)
    ]
    if not named:
        return str(problem.get("detail")), None
    return "; ".join(f"{param}: {message}" for param, message in named[:5]), named[0][0]


def _in_brackets(field: str) -> str:
    return re.sub(r"\.(\d+)", r"[\1]", field)
