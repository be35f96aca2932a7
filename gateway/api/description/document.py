"""`/openapi.json`: the HTTP API, read off the routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeAlias

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gateway.api.description.catalogue import (
    ENTRIES,
    EXAMPLES,
    HEADERS,
    JSON,
    MARKDOWN,
    STREAM,
    TOLD,
    UNDESCRIBED,
    Entry,
)
from gateway.api.description.operations import Operation, operations
from gateway.api.description.placeholders import JSON_VALUE, filled
from gateway.api.description.refusals import MEANINGS, OPENAI, is_public, name_of, problem_response, refusals, responses
from gateway.api.description.schemas import Problem
from gateway.api.openai.schemas import OpenAiError
from gateway.api.parts import PARTS
from gateway.api.responses.answers import json
from gateway.core.model import JsonObject, JsonValue

References: TypeAlias = "dict[type[BaseModel], JsonObject]"
OTHER: dict[str, JsonObject] = {MARKDOWN: {"type": "string"}, STREAM: {"$ref": "#/components/schemas/Event"}}
"""What answers in other media than the route's own hold."""
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
    "description": "Sessions with agents, over all channels. Live events come over the WebSocket at `/ws`.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
BEARER: JsonObject = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, a visitor's pass, or a JWT of your own login, whose `sub` is the user.",
    }
}
STATUSES = {
    "create_session": (HTTPStatus.CREATED,),
    "create_token": (HTTPStatus.CREATED,),
    "create_schedule": (HTTPStatus.CREATED,),
    "new_visitor": (HTTPStatus.CREATED,),
    "link_telegram": (HTTPStatus.CREATED,),
    "delete_link": (HTTPStatus.NO_CONTENT,),
    "delete_session": (HTTPStatus.NO_CONTENT,),
    "erase_me": (HTTPStatus.NO_CONTENT,),
    "erase_user": (HTTPStatus.NO_CONTENT,),
    "revoke_token": (HTTPStatus.NO_CONTENT,),
    "delete_schedule": (HTTPStatus.NO_CONTENT,),
    "run_schedule": (HTTPStatus.ACCEPTED,),
    "cancel_turn": (HTTPStatus.ACCEPTED,),
    "delete_message": (HTTPStatus.NO_CONTENT,),
    "fork_session": (HTTPStatus.CREATED,),
    "send_message": (HTTPStatus.OK, HTTPStatus.ACCEPTED),
    "edit_message": (HTTPStatus.OK, HTTPStatus.ACCEPTED),
    "regenerate": (HTTPStatus.OK, HTTPStatus.ACCEPTED),
    "chat_stream": (HTTPStatus.OK, HTTPStatus.NO_CONTENT),
    "readyz": (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
    "get_state": (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED),
    "take_snapshot": (HTTPStatus.CREATED, HTTPStatus.OK),
}
"""By the name of the route's function; 200 where it isn't named."""
ERASED = "The user is being erased, or was within the last minute"
REFUSALS: dict[str, dict[HTTPStatus, str]] = {
    "retitle_session": {HTTPStatus.CONFLICT: "The session has no message yet that a title could be made of"},
    "create_session": {HTTPStatus.CONFLICT: ERASED},
    "fork_session": {HTTPStatus.CONFLICT: ERASED},
    "create_schedule": {HTTPStatus.CONFLICT: f"{ERASED}, or already has as many schedules as allowed"},
    "run_schedule": {HTTPStatus.CONFLICT: ERASED},
    "create_token": {HTTPStatus.CONFLICT: f"{ERASED}, or already has as many valid tokens as allowed"},
    "sign_in": {HTTPStatus.CONFLICT: ERASED},
    "change_schedule": {
        HTTPStatus.CONFLICT: "The schedule is being changed all the time; try again in a moment",
    },
    "complete": {
        HTTPStatus.NOT_FOUND: "No such model, which is an agent, or no such session of yours",
        HTTPStatus.CONFLICT: "An answer is being written (`reject`), or a newer message took this one back",
        HTTPStatus.INTERNAL_SERVER_ERROR: "The agent could not answer; `code` is `agent_failed` or `agent_misconfigured`",
        HTTPStatus.SERVICE_UNAVAILABLE: "The database is away, or the agent is (`agent_unavailable`)",
        HTTPStatus.GATEWAY_TIMEOUT: "The agent took too long",
    },
    "put_state": {
        HTTPStatus.PRECONDITION_FAILED: "The state has another version than `If-Match` names; `ETag` tells which",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The state would be larger than `sessions.max_state` allows",
    },
    "link_telegram": {
        HTTPStatus.CONFLICT: "The Telegram channel is off, or its bot is not known yet; `detail` says what to do",
    },
    "identify_visitor": {
        HTTPStatus.CONFLICT: "An answer to the visitor is being written, or the visitor belongs to another user",
    },
    "restore_snapshot": {
        HTTPStatus.CONFLICT: "An answer is being written, so the transcript cannot be taken back now",
    },
    "edit_message": {HTTPStatus.CONFLICT: "An answer is being written; wait for it, or stop it first"},
    "delete_message": {HTTPStatus.CONFLICT: "An answer is being written; wait for it, or stop it first"},
    "regenerate": {HTTPStatus.CONFLICT: "An answer is being written, or there is nothing to answer anew"},
    "chat": {
        HTTPStatus.NOT_FOUND: "No such conversation or message to answer anew",
        HTTPStatus.CONFLICT: "As for sending",
    },
    "send_message": {
        HTTPStatus.CONFLICT: "An answer is being written, and the agent takes one message at a time (`reject`)",
        HTTPStatus.TOO_MANY_REQUESTS: "Too often, or too many messages wait in the session; see `Retry-After`",
    },
}
"""Problems of a route that say more than their status does."""


def describe(app: web.Application) -> JsonObject:
    """The OpenAPI 3.1 document of an application's routes."""
    found = [operation for operation in operations(app) if operation.name not in UNDESCRIBED]
    references, schemas = _schemas(found)
    agents: list[JsonValue] = [agent.name for agent in app[PARTS].agents]
    paths: dict[str, JsonObject] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation, references)
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "security": [{"bearer": []}],
        "paths": {**paths},
        "components": {
            "securitySchemes": BEARER,
            "schemas": {name: filled(schema, agents) for name, schema in schemas.items()}
            | {"Event": EVENT, "JsonValue": JSON_VALUE},
            "responses": responses(),
            "parameters": {**HEADERS},
        },
    }


def entry_of(operation: Operation) -> Entry:
    """What the catalogue says of it."""
    return ENTRIES.get(operation.name, Entry("Other"))


def _described(operation: Operation, references: References) -> JsonObject:
    entry = entry_of(operation)
    headers: list[JsonObject] = [{"$ref": f"#/components/parameters/{name}"} for name in entry.headers]
    described: JsonObject = {
        "operationId": operation.name,
        "tags": [entry.group],
        "description": operation.summary,
        "parameters": [*operation.parameters, *headers],
        "responses": {**_answers(operation, entry, references), **_refusals(operation)},
    }
    if operation.body is not None:
        content: JsonObject = {"schema": references[operation.body], "example": EXAMPLES.get(operation.name)}
        described["requestBody"] = {"required": not may_be_empty(operation.body), "content": {JSON: content}}
    if is_public(operation):
        described["security"] = []
    return described


def _answers(operation: Operation, entry: Entry, references: References) -> JsonObject:
    schema: JsonObject = {"type": "string"} if entry.answer is None else references[entry.answer]
    content: JsonObject = {media: {"schema": OTHER.get(media, schema)} for media in entry.media}
    told: JsonObject = {name: TOLD[name] for name in entry.tells}
    answers: JsonObject = {}
    for status in STATUSES.get(operation.name, (HTTPStatus.OK,)):
        answer: JsonObject = {"description": status.phrase}
        if told:
            answer["headers"] = told
        if status not in WITHOUT_BODY:
            answer["content"] = content
        answers[str(status.value)] = answer
    return answers


def _refusals(operation: Operation) -> JsonObject:
    own, openai = REFUSALS.get(operation.name, {}), operation.path.startswith(OPENAI)
    shared: JsonObject = {
        str(status.value): problem_response(status, MEANINGS[status], openai=True)
        if openai
        else {"$ref": f"#/components/responses/{name_of(status)}"}
        for status in refusals(operation) - own.keys()
    }
    told: JsonObject = {str(status.value): problem_response(status, own[status], openai=openai) for status in own}
    return dict(sorted({**shared, **told}.items()))


def _schemas(found: list[Operation]) -> tuple[References, JsonObject]:
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization"), (OpenAiError, "serialization")]
    asked += [(operation.body, "validation") for operation in found if operation.body is not None]
    asked += [(answer, "serialization") for operation in found if (answer := entry_of(operation).answer) is not None]
    references, definitions = models_json_schema(asked, ref_template="#/components/schemas/{model}")
    schemas: JsonObject = definitions["$defs"]
    return {model: references[model, mode] for model, mode in asked}, schemas


def may_be_empty(body: type[BaseModel]) -> bool:
    """Whether a body may be left out: where every field may be, an absent body is an empty object."""
    try:
        body.model_validate({})
    except ValidationError:
        return False
    return True


async def document(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return json(describe(request.app))
