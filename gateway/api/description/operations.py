"""The input of a route, derived from the annotations that also validate it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import Parameter, getdoc, signature, unwrap
from typing import get_type_hints

from pydantic import BaseModel, TypeAdapter

from gateway.api.route import Route
from gateway.core.model import JsonObject


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, and what its function's annotations say."""

    route: Route
    path: str
    name: str
    summary: str
    parameters: tuple[JsonObject, ...]
    body: type[BaseModel] | None


def operation(declared: Route) -> Operation:
    """Reads the annotations."""
    handler = unwrap(declared.handler)
    hints = get_type_hints(handler, include_extras=True)
    _request, *taken = signature(handler).parameters.values()
    parameters, body = [], None
    for parameter in taken:
        hint = hints[parameter.name]
        if parameter.kind is Parameter.POSITIONAL_ONLY:
            parameters.append(_path_parameter(parameter.name, hint))
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            body = hint
        else:
            parameters.append(_query_parameter(parameter, hint))
    # The document's paths have no patterns.
    path = re.sub(r"{(\w+):[^{}]*}", r"{\1}", declared.path)
    return Operation(declared, path, handler.__name__, getdoc(handler) or "", tuple(parameters), body)


def _path_parameter(name: str, hint: object) -> JsonObject:
    schema: JsonObject = TypeAdapter[object](hint).json_schema()  # type: ignore[arg-type] # an annotation, whichever
    return {"name": name, "in": "path", "required": True, "schema": schema}


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
    """The schema of a value that is present: a query string has no null."""
    variants = schema.get("anyOf")
    if not isinstance(variants, list):
        return schema
    rest = [variant for variant in variants if isinstance(variant, dict) and variant.get("type") != "null"]
    others = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**others, **rest[0]} if len(rest) == 1 else {**others, "anyOf": [*rest]}
