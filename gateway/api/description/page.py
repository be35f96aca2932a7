"""`/docs`: the HTTP API for people, built from the same document as `/openapi.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import get_args

import orjson
from aiohttp import web

from gateway.api.description.document import describe
from gateway.api.description.page_style import STYLE
from gateway.api.route import Group
from gateway.core.model import JsonObject, JsonValue

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>HTTP API · Turngate</title>
<style>{style}</style>
<body>
<a class="skip" href="#api">Skip to the routes</a>
<nav aria-label="Groups"><a class="home" href="#api">HTTP API</a><ul>{contents}</ul></nav>
<main id="api" tabindex="-1">
<h1>HTTP API</h1>
<p>The API takes and returns JSON, and needs <code>Authorization: Bearer &lt;token&gt;</code>. Errors are problem details (RFC 9457).
Live events are sent over the WebSocket at <code>/ws</code>. For programs, see <a href="/openapi.json">/openapi.json</a>.</p>
{groups}
</main>
"""
ROW = '<tr><th scope="row"><code>{name}</code></th><td>{kind}</td><td>{text}</td></tr>'


async def page(request: web.Request) -> web.Response:
    """Lists the routes by group, with their input and output, for people."""
    document = describe(request.app)
    groups = _groups(document)
    contents = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in groups)
    sections = "".join(_section(name, routes, document) for name, routes in groups.items())
    text = PAGE.format(style=STYLE, contents=contents, groups=sections)
    return web.Response(text=text, content_type="text/html")


def _groups(document: JsonObject) -> dict[str, list[tuple[str, str, JsonObject]]]:
    groups: dict[str, list[tuple[str, str, JsonObject]]] = {name: [] for name in get_args(Group)}
    for path, methods in _object(document, "paths").items():
        for method in methods if isinstance(methods, dict) else ():
            operation = _object(_object(_object(document, "paths"), path), method)
            (group,) = _texts(operation, "tags")
            groups.setdefault(group, []).append((method.upper(), path, operation))
    return {name: routes for name, routes in groups.items() if routes}


def _section(name: str, routes: list[tuple[str, str, JsonObject]], document: JsonObject) -> str:
    shown = "".join(_route(method, path, operation, document) for method, path, operation in routes)
    return f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>{shown}</section>'


def _route(method: str, path: str, operation: JsonObject, document: JsonObject) -> str:
    said = "".join(f"<p>{_prose(part)}</p>" for part in str(operation.get("description", "")).split("\n\n"))
    anchor = str(operation["operationId"])
    public = "" if operation.get("security") != [] else '<span class="open">no token</span>'
    return (
        f'<details id="{anchor}"><summary><span class="method {method}">{method}</span> <code>{escape(path)}</code>'
        f"{public}<small>{_prose(str(operation.get('description', '')).splitlines()[0])}</small></summary>"
        f"{said}{_parameters(operation, document)}{_body(operation, document)}{_answers(operation, document)}</details>"
    )


def _parameters(operation: JsonObject, document: JsonObject) -> str:
    rows = "".join(_parameter(_resolved(one, document)) for one in _objects(operation, "parameters"))
    return _table("Parameters", rows)


def _parameter(parameter: JsonObject) -> str:
    need = ", needed" if parameter.get("required") else ""
    kind = f"{_kind(_object(parameter, 'schema'))}<br><small>{escape(str(parameter['in']))}{need}</small>"
    return ROW.format(name=escape(str(parameter["name"])), kind=kind, text=_prose(_told(parameter)))


def _told(parameter: JsonObject) -> str:
    schema = _object(parameter, "schema")
    limits = [
        text.format(schema[name])
        for name, text in (("minimum", "from {}"), ("maximum", "to {}"), ("maxLength", "up to {} characters"))
        if name in schema
    ]
    default = [f"default `{schema['default']}`"] if "default" in schema else []
    notes = ", ".join([*limits, *default])
    return " ".join(filter(None, (str(parameter.get("description", "")), f"({notes})" if notes else "")))


def _body(operation: JsonObject, document: JsonObject) -> str:
    content = _object(_object(_object(operation, "requestBody"), "content"), "application/json")
    if not content:
        return ""
    example = orjson.dumps(content.get("example"), option=orjson.OPT_INDENT_2).decode()
    return f"{_fields('Body', _object(content, 'schema'), document)}<pre>{escape(example)}</pre>"


def _answers(operation: JsonObject, document: JsonObject) -> str:
    rows = ""
    for status, answer in _object(operation, "responses").items():
        told = _resolved(answer if isinstance(answer, dict) else {}, document)
        kinds = ", ".join(
            _kind(_object(_object(_object(told, "content"), m), "schema")) for m in _object(told, "content")
        )
        rows += ROW.format(name=status, kind=kinds, text=_prose(str(told.get("description", ""))))
    first = next(iter(_object(operation, "responses").values()), None)
    content = _object(_resolved(first, document), "content") if isinstance(first, dict) else {}
    return _table("Answers", rows) + _fields(
        "Answer", _object(_object(content, "application/json"), "schema"), document
    )


def _fields(title: str, schema: JsonObject, document: JsonObject) -> str:
    found = _resolved(schema, document)
    needed = _texts(found, "required")
    rows = "".join(
        ROW.format(
            name=escape(name),
            kind=_kind(_object(_object(found, "properties"), name))
            + ("" if name in needed else "<br><small>optional</small>"),
            text=_prose(_told({"schema": field, "description": field.get("description", "")})),
        )
        for name, field in _object(found, "properties").items()
        if isinstance(field, dict)
    )
    return _table(f"{title}: {_kind(schema)}", rows)


def _table(title: str, rows: str) -> str:
    return f"<h3>{title}</h3><table>{rows}</table>" if rows else ""


def _kind(schema: JsonObject) -> str:
    """Names a type in a word or two."""
    if "$ref" in schema:
        return escape(str(schema["$ref"]).rpartition("/")[2].rpartition("__")[2])
    if variants := [*_objects(schema, "anyOf"), *_objects(schema, "oneOf")]:
        return " or ".join(_kind(variant) for variant in variants)
    if "enum" in schema:
        return " · ".join(f"<code>{escape(str(value))}</code>" for value in _texts(schema, "enum"))
    if schema.get("type") == "array":
        return f"list of {_kind(_object(schema, 'items'))}"
    return escape(str(schema.get("format") or schema.get("const") or schema.get("type") or "anything"))


def _prose(text: str) -> str:
    """Escapes plain text, with code between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _resolved(value: JsonObject, document: JsonObject) -> JsonObject:
    """Resolves a reference; returns anything else unchanged."""
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return value
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = _object(found, name)
    return found


def _object(parent: JsonObject, name: str) -> JsonObject:
    """Returns the object with that name, or an empty one."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _objects(parent: JsonObject, name: str) -> Iterator[JsonObject]:
    yield from (item for item in _list(parent.get(name)) if isinstance(item, dict))


def _texts(parent: JsonObject, name: str) -> list[str]:
    return [str(item) for item in _list(parent.get(name))]


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
