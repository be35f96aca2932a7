"""The problems that a route may answer with, for `/openapi.json`."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs

from gateway.api.requests.guard import GUARDED
from gateway.api.route import Route
from gateway.core.model import JsonObject

MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The input is invalid; `detail` names the field and what it should be",
    HTTPStatus.UNAUTHORIZED: "No token, or an invalid one",
    HTTPStatus.FORBIDDEN: "A role is missing, or the page's origin is not allowed",
    HTTPStatus.NOT_FOUND: "Missing, or owned by someone else",
    HTTPStatus.CONFLICT: "Not possible in the current state",
    HTTPStatus.PRECONDITION_FAILED: "The version in `If-Match` is not the current one",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body, or a text in it, is too large",
    HTTPStatus.TOO_MANY_REQUESTS: "Too often",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database is unavailable; nothing was saved",
}
HEADERS: dict[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "`Bearer`"),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "Seconds to wait"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Seconds to wait"),
}
ALWAYS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
PROBLEM = "application/problem+json"
OPENAI = "/v1/"


def refusals(route: Route) -> set[HTTPStatus]:
    """The statuses that follow from the kind of route; it declares others itself."""
    if not route.path.startswith(GUARDED):
        return {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} if route.caller == "local" else set()
    found = set(ALWAYS)
    if "{" in route.path and route.missing:
        found.add(HTTPStatus.NOT_FOUND)
    if route.method != hdrs.METH_GET:
        found.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return found


def responses() -> JsonObject:
    """The components that routes refer to."""
    return {name_of(status): problem_response(status, meaning) for status, meaning in MEANINGS.items()}


def name_of(status: HTTPStatus) -> str:
    """The name in `#/components/responses/NotFound`."""
    return status.phrase.title().replace(" ", "")


def problem_response(status: HTTPStatus, meaning: str, *, openai: bool = False) -> JsonObject:
    """A response with a problem document; below `/v1`, with OpenAI's error."""
    media, schema = ("application/json", "OpenAiError") if openai else (PROBLEM, "Problem")
    content: JsonObject = {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    if status not in HEADERS:
        return {"description": meaning, "content": content}
    name, description = HEADERS[status]
    header: JsonObject = {"description": description, "schema": {"type": "string"}}
    return {"description": meaning, "headers": {name: header}, "content": content}
