"""What a route takes, read off the annotations that also validate it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import Parameter, getdoc, signature, unwrap
from typing import get_type_hints

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, TypeAdapter

from gateway.core.model import JsonObject

UUID: JsonObject = {"type": "string", "format": "uuid"}
IDS: dict[str, JsonObject] = {
    "session_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "message_id": {"type": "string", "minLength": 1, "maxLength": 160},
    "chat_id": {"type": "string", "minLength": 1},
    "model": {"type": "string", "minLength": 1, "maxLength": 200},
    "user_id": {"type": "string", "minLength": 1, "maxLength": 255},
    "number": {"type": "string", "pattern": "^([1-9][0-9]{0,17}|latest)$"},
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
}
"""Path parameters that are no UUIDs."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    path: str
    method: str
    name: str
    summary: str
    parameters: tuple[JsonObject, ...]
    body: type[BaseModel] | None


def operations(app: web.Application) -> Iterator[Operation]:
    """Every method of every path, in the order of the routes."""
    for route in app.router.routes():
        if route.resource is not None and route.method != "HEAD":
            yield _operation(route.resource.canonical, route.method.lower(), route.handler)


def _operation(path: str, method: str, handler: Handler) -> Operation:
    handler = unwrap(handler)
    hints = get_type_hints(handler, include_extras=True)
    _request, *taken = signature(handler).parameters.values()
    parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
    body = None
    for parameter in taken:
        hint = hints[parameter.name]
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            body = hint
        elif parameter.kind is not Parameter.POSITIONAL_ONLY:
            parameters.append(_query_parameter(parameter, hint))
    return Operation(path, method, handler.__name__, getdoc(handler) or "", tuple(parameters), body)


def _path_parameter(name: str) -> JsonObject:
    return {"name": name, "in": "path", "required": True, "schema": IDS.get(name, UUID)}


def _query_parameter(parameter: Parameter, hint: object) -> JsonObject:
    schema = given(TypeAdapter[object](hint).json_schema())  # type: ignore[arg-type] # an annotation, whichever
    described = {"description": text} if (text := schema.pop("description", None)) else {}
    if parameter.default not in {Parameter.empty, None}:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default is Parameter.empty,
        **described,
        "schema": schema,
    }


def given(schema: JsonObject) -> JsonObject:
    """The schema of a value that is there: a query string has no null."""
    variants = schema.get("anyOf")
    if not isinstance(variants, list):
        return schema
    rest = [variant for variant in variants if isinstance(variant, dict) and variant.get("type") != "null"]
    others = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**others, **rest[0]} if len(rest) == 1 else {**others, "anyOf": [*rest]}
