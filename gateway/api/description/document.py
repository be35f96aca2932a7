"""`/openapi.json`: the HTTP API, derived from the routes."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gateway.api.description.operations import Operation, operation
from gateway.api.description.refusals import MEANINGS, OPENAI, name_of, problem_response, refusals, responses
from gateway.api.headers import REQUEST_HEADERS, RESPONSE_HEADERS
from gateway.api.models.placeholders import JSON_VALUE, filled
from gateway.api.models.problems import Problem
from gateway.api.openai.models import OpenAiError
from gateway.api.parts import PARTS
from gateway.api.responses.answers import json
from gateway.api.route import DECLARED, JSON, MARKDOWN, STREAM, Route
from gateway.core.model import JsonObject

References: TypeAlias = "dict[type[BaseModel], JsonObject]"
OTHER: dict[str, JsonObject] = {MARKDOWN: {"type": "string"}, STREAM: {"$ref": "#/components/schemas/Event"}}
"""The contents of responses in other media types than the route's own."""
EVENT: JsonObject = {
    "type": "object",
    "description": "A server-sent event. Its data is a JSON object, or [DONE] at the end.",
    "required": ["data"],
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

INFO: JsonObject = {
    "title": "Turngate",
    "version": "1",
    "description": "Sessions with agents, over all channels. Live events are sent over the WebSocket at `/ws`.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
BEARER: JsonObject = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, a visitor's token, or a JWT from your own login, whose `sub` is the user.",
    }
}


def describe(app: web.Application) -> JsonObject:
    """Builds the OpenAPI 3.1 document of an application's routes."""
    found = [operation(declared) for declared in app[DECLARED]]
    references, schemas = _schemas(found)
    parts = app[PARTS]
    fill = partial(filled, agents=[agent.name for agent in parts.agents], channels=list(parts.channels))
    paths: dict[str, JsonObject] = {}
    for one in found:
        paths.setdefault(one.path, {})[one.route.method.lower()] = _described(one, references)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "security": [{"bearer": []}],
        "paths": {path: fill(item) for path, item in paths.items()},
        "components": {
            "securitySchemes": BEARER,
            "schemas": {name: fill(schema) for name, schema in schemas.items()}
            | {"Event": EVENT, "JsonValue": JSON_VALUE},
            "responses": responses(),
            "parameters": {**REQUEST_HEADERS},
        },
    }


def _described(one: Operation, references: References) -> JsonObject:
    headers: list[JsonObject] = [{"$ref": f"#/components/parameters/{name}"} for name in one.route.request_headers]
    described: JsonObject = {
        "operationId": one.name,
        "tags": [one.route.group],
        "description": one.summary,
        "parameters": [*one.parameters, *headers],
        "responses": {**_answers(one.route, references), **_refusals(one.route)},
    }
    if one.body is not None:
        content: JsonObject = {"schema": references[one.body], "example": one.route.example}
        described["requestBody"] = {"required": not may_be_empty(one.body), "content": {JSON: content}}
    if one.route.caller != "token":
        described["security"] = []
    return described


def _answers(route: Route, references: References) -> JsonObject:
    schema: JsonObject = {"type": "string"} if route.answer is None else references[route.answer]
    content: JsonObject = {media: {"schema": OTHER.get(media, schema)} for media in route.media}
    headers: JsonObject = {name: RESPONSE_HEADERS[name] for name in route.response_headers}
    answers: JsonObject = {}
    for status in route.statuses:
        answer: JsonObject = {"description": status.phrase}
        if headers:
            answer["headers"] = headers
        if status not in WITHOUT_BODY:
            answer["content"] = content
        answers[str(status.value)] = answer
    return answers


def _refusals(route: Route) -> JsonObject:
    openai = route.path.startswith(OPENAI)
    shared: JsonObject = {
        str(status.value): problem_response(status, MEANINGS[status], openai=True)
        if openai
        else {"$ref": f"#/components/responses/{name_of(status)}"}
        for status in refusals(route) - route.refusals.keys()
    }
    explained: JsonObject = {
        str(status.value): problem_response(status, meaning, openai=openai)
        for status, meaning in route.refusals.items()
    }
    return dict(sorted({**shared, **explained}.items()))


def _schemas(found: list[Operation]) -> tuple[References, JsonObject]:
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization"), (OpenAiError, "serialization")]
    asked += [(one.body, "validation") for one in found if one.body is not None]
    asked += [(one.route.answer, "serialization") for one in found if one.route.answer is not None]
    references, definitions = models_json_schema(asked, ref_template="#/components/schemas/{model}")
    schemas: JsonObject = definitions["$defs"]
    return {model: references[model, mode] for model, mode in asked}, schemas


def may_be_empty(body: type[BaseModel]) -> bool:
    """Whether a body is optional: if every field is, an absent body counts as an empty object."""
    try:
        body.model_validate({})
    except ValidationError:
        return False
    return True


async def document(request: web.Request) -> web.Response:
    """Returns this OpenAPI document."""
    return json(describe(request.app))
