"""`/api/chat/sessions/{session_id}/state`: three JSON values under one version (RFC 9110, section 13)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Self, TypeVar

import orjson
from aiohttp import hdrs, web
from aiohttp.helpers import ETAG_ANY
from pydantic import AfterValidator, Field, model_validator

from gateway.api.headers import ETAG, IF_MATCH, IF_NONE_MATCH
from gateway.api.models.placeholders import ITEMS, VALUES
from gateway.api.models.state import State as StateAnswer
from gateway.api.parts import acting_user, parts_of
from gateway.api.requests.reading import (
    Body,
    SessionPath,
    as_json,
    as_json_list,
    session_id_of,
    without_null,
)
from gateway.api.responses.answers import answer
from gateway.api.route import route
from gateway.core.model import JsonObject, State
from gateway.core.ports.sessions.state import StateWrite
from gateway.errors import InvalidInput

Written = TypeVar("Written", dict[str, object], dict[str, object] | list[object])


def _json(section: Written) -> Written:
    try:
        orjson.dumps(section)
    except TypeError as error:
        raise ValueError(f"contains something that cannot be stored ({error})") from None
    return section


Object = Annotated[dict[str, object], Field(json_schema_extra=VALUES)]
Items = Annotated[list[object], Field(json_schema_extra=ITEMS)]
Section = Annotated[Object, AfterValidator(_json)]
Notes = Annotated[Object | Items, AfterValidator(_json)]


class StateDraft(Body):
    """New values for the state; absent ones stay as they are. Together at most `sessions.max_state` bytes."""

    blackboard: Section | None = Field(None, description="Shared knowledge.", json_schema_extra=without_null)
    scratchpad: Notes | None = Field(
        None, description="Working notes: an object or a list.", json_schema_extra=without_null
    )
    attributes: Section | None = Field(
        None, description="Anything else that describes the session.", json_schema_extra=without_null
    )

    @model_validator(mode="after")
    def _objects(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise ValueError(f"{name} may not be null; leave it out to keep its value, or send an empty object")
        return self


@route(
    "GET",
    "/api/chat/sessions/{session_id}/state",
    "State",
    answer=StateAnswer,
    statuses=(HTTPStatus.OK, HTTPStatus.NOT_MODIFIED),
    request_headers=(IF_NONE_MATCH,),
    response_headers=(ETAG,),
)
async def get_state(request: web.Request, session_id: SessionPath, /) -> web.Response:
    """Returns the state of a session, and its version as `ETag`; 304 if `If-None-Match` names it."""
    state = await parts_of(request).states.get(session_id_of(session_id), acting_user(request))
    known = request.if_none_match
    if known is not None and any(tag.value in {ETAG_ANY, str(state.version)} for tag in known):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={hdrs.ETAG: etag(state)})
    return tagged(StateAnswer.of(state), state)


@route(
    "PUT",
    "/api/chat/sessions/{session_id}/state",
    "State",
    answer=StateAnswer,
    request_headers=(IF_MATCH,),
    response_headers=(ETAG,),
    refusals={
        HTTPStatus.PRECONDITION_FAILED: "The state's version differs from `If-Match`; `ETag` gives the current one",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The state would be larger than `sessions.max_state` allows",
    },
    example={"blackboard": {"topic": "ships"}, "attributes": {"mood": "calm"}},
)
async def put_state(request: web.Request, session_id: SessionPath, /, draft: StateDraft) -> web.Response:
    """Writes the state if it still has the version in `If-Match`; otherwise responds 412 with the current one in `ETag`."""
    notes = draft.scratchpad
    scratchpad = as_json_list(notes) if isinstance(notes, list) else _object(notes)
    write = StateWrite(_object(draft.blackboard), scratchpad, _object(draft.attributes))
    states, wanted, acting = parts_of(request).states, session_id_of(session_id), acting_user(request)
    if not request.if_match:
        # A missing session is reported before anything the request lacks.
        await states.get(wanted, acting)
    state = await states.put(wanted, acting, write, _versions(request))
    return tagged(StateAnswer.of(state), state)


def _object(section: dict[str, object] | None) -> JsonObject | None:
    return None if section is None else as_json(section)


def _versions(request: web.Request) -> frozenset[int] | None:
    """The versions that may be replaced; None: any. A weak tag never matches (RFC 9110, section 13.1.1)."""
    tags = request.if_match
    if not tags:
        raise InvalidInput(
            'Send the ETag that the state was read with, quotes included: If-Match: "3". If-Match: * writes over whatever '
            "is there."
        )
    if any(tag.value == ETAG_ANY for tag in tags):
        return None
    return frozenset(int(tag.value) for tag in tags if not tag.is_weak and _is_version(tag.value))


def _is_version(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def etag(state: State) -> str:
    """A strong tag: the version in quotes."""
    return f'"{state.version}"'


def tagged(shown: StateAnswer, state: State) -> web.Response:
    """Builds a response with the version of the state in it."""
    response = answer(shown)
    response.headers[hdrs.ETAG] = etag(state)
    return response
