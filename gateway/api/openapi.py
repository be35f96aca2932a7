"""`/openapi.json`, read off the routes, and `/docs`, the same for people."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from aiohttp import web
from aiohttp_pydantic.oas.view import generate_oas

from gateway.api.answers import json
from gateway.core.model import JsonObject

PROBLEM: JsonObject = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
BEARER: JsonObject = {"bearer": {"type": "http", "scheme": "bearer"}}
STATUSES = {
    "create_session": (HTTPStatus.CREATED,),
    "create_token": (HTTPStatus.CREATED,),
    "create_schedule": (HTTPStatus.CREATED,),
    "new_visitor": (HTTPStatus.CREATED,),
    "delete_session": (HTTPStatus.NO_CONTENT,),
    "revoke_token": (HTTPStatus.NO_CONTENT,),
    "run_schedule": (HTTPStatus.ACCEPTED,),
    "cancel_turn": (HTTPStatus.ACCEPTED,),
    "send_message": (HTTPStatus.OK, HTTPStatus.ACCEPTED),
}
"""By the name of the route's function; 200 where it isn't named."""
REFUSALS: dict[str, dict[HTTPStatus, str]] = {
    "send_message": {
        HTTPStatus.CONFLICT: "An answer is being written, and the agent takes one message at a time (`reject`)",
        HTTPStatus.TOO_MANY_REQUESTS: "Too often, or too many messages wait in the session; see `Retry-After`",
    },
}
"""Problems of a route that say more than their status does."""
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Turngate: HTTP API</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 48px auto; padding: 0 24px }}
h1 {{ font-size: 28px }} h2 {{ font: 600 14px/1.5 ui-monospace, monospace; margin: 24px 0 4px }}
p {{ margin: 0 }} li {{ font-size: 14px }}
</style>
<h1>HTTP API</h1>
<p>Authorization: Bearer &lt;token&gt;. The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
{routes}
"""


def describe(app: web.Application) -> JsonObject:
    """The OpenAPI 3 document of an application's routes."""
    generated: JsonObject = generate_oas([app], "1", "Turngate", {**BEARER})
    components = _object(generated, "components")
    schemas = {**_object(components, "schemas"), "Problem": PROBLEM}
    paths = _object(generated, "paths")
    for route in app.router.routes():
        path = "" if route.resource is None else route.resource.canonical
        operation = _object(_object(paths, path), route.method.lower())
        if operation:
            operation["operationId"] = route.handler.__name__
            operation["responses"] = _responses(route.handler.__name__)
    return {**generated, "components": {**components, "schemas": schemas}, "security": [{"bearer": []}]}


def _object(parent: JsonObject, name: str) -> JsonObject:
    """The object of that name; an empty one where there is none."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _responses(name: str) -> JsonObject:
    answers: JsonObject = {
        str(status.value): {"description": status.phrase} for status in STATUSES.get(name, (HTTPStatus.OK,))
    }
    refusals: JsonObject = {
        str(status.value): _problem(description) for status, description in REFUSALS.get(name, {}).items()
    }
    return {**answers, **refusals, "default": _problem("A problem")}


def _problem(description: str) -> JsonObject:
    schema: JsonObject = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": description, "content": {"application/problem+json": schema}}


async def document(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return json(describe(request.app))


async def page(request: web.Request) -> web.Response:
    """The routes with what they take, for reading."""
    paths = _object(describe(request.app), "paths")
    routes = [
        _paragraph(path, method, _object(_object(paths, path), method))
        for path in paths
        for method in _object(paths, path)
    ]
    return web.Response(text=PAGE.format(routes="\n".join(routes)), content_type="text/html")


def _paragraph(path: str, method: str, operation: JsonObject) -> str:
    parameters = operation.get("parameters")
    rows = [
        f"<li><code>{escape(str(parameter['name']))}</code> {escape(str(parameter.get('description', '')))}</li>"
        for parameter in (parameters if isinstance(parameters, list) else [])
        if isinstance(parameter, dict) and parameter["in"] == "query"
    ]
    title = f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(str(operation.get('description', '')))}</p>"
    return title + (f"<ul>{''.join(rows)}</ul>" if rows else "")
