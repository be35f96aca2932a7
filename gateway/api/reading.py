"""How routes read their input: pydantic models for bodies, plain parameters for paths and queries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, get_type_hints
from uuid import UUID

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_pydantic.decorator import InjectParamsFactory
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.guard import storable
from gateway.api.problems import invalid
from gateway.core.model import CHANNELS, ChannelName, JsonObject, SessionId
from gateway.errors import InvalidInput, NotFound

LONGEST_METADATA = 16_384
"""Bytes of a session's metadata as JSON."""

_inject = InjectParamsFactory(on_validation_error=invalid).and_request


def validated(handler: Callable[..., Awaitable[web.StreamResponse]]) -> Handler:
    """Fills a route's parameters: before `/` from the path, a model from the body, the others from the query.

    What does not fit its annotation is answered with a 400 that names the field, and so is a query parameter that a
    route with such parameters does not know.
    """
    injected: Handler = _inject(handler)
    known = _query_names(handler)
    if not known:
        return injected

    @wraps(injected)
    async def strict(request: web.Request) -> web.StreamResponse:
        for name in request.query:
            if name not in known:
                raise InvalidInput(f"There is no query parameter {name!r} here; there are {', '.join(known)}.")
        return await injected(request)

    return strict


def _query_names(handler: Callable[..., Awaitable[web.StreamResponse]]) -> tuple[str, ...]:
    hints = get_type_hints(handler)
    _request, *parameters = signature(handler).parameters.values()
    return tuple(
        parameter.name
        for parameter in parameters
        if parameter.kind is not Parameter.POSITIONAL_ONLY and not _is_body(hints[parameter.name])
    )


def _is_body(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class Body(BaseModel):
    """A JSON object whose keys are all known and whose types are taken as they are."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _channel(name: str) -> str:
    if name not in CHANNELS:
        raise ValueError(f"should be one of: {', '.join(CHANNELS)}")
    return name


def _small(metadata: JsonObject) -> JsonObject:
    if len(orjson.dumps(metadata)) > LONGEST_METADATA:
        raise ValueError(f"should be at most {LONGEST_METADATA} bytes as JSON")
    return metadata


Limit = Annotated[int, Field(ge=1, le=200, description="Rows of a page.")]
Offset = Annotated[int, Field(ge=0, le=10_000_000, description="Rows to leave out; not together with `cursor`.")]
Channel = Annotated[ChannelName, AfterValidator(_channel)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
User = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Metadata = Annotated[dict[str, object], AfterValidator(_small)]


def session_id_of(text: str) -> SessionId:
    """A session's id from a path. One that can't exist is as unknown as any other: raises `NotFound`."""
    if not 0 < len(text) <= 128 or not storable(text):
        raise NotFound("There is no such session.")
    return SessionId(text)


def uuid_of(text: str, noun: str) -> UUID:
    """An id from a path; raises `NotFound` for one that can't exist."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no such {noun}.") from None
