"""How routes read their input: pydantic models for bodies, plain parameters for paths and queries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import Parameter, signature
from typing import Annotated, TypeGuard, get_type_hints
from uuid import UUID

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp_pydantic.decorator import InjectParamsFactory
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from gateway.api.models.placeholders import AGENT, CHANNEL, VALUES
from gateway.api.requests.problems import invalid
from gateway.core.content.metadata import LARGEST, LONGEST_KEY
from gateway.core.content.storable import storable
from gateway.core.model import ChannelName, JsonObject, JsonValue, MessageId, SessionId
from gateway.core.titles.titles import title_given
from gateway.errors import InvalidInput, NotFound, TooLarge

METADATA = "metadata."


def validated(handler: Callable[..., Awaitable[web.StreamResponse]], *, family: str | None = None) -> Handler:
    """Fills in a route's parameters: before `/` from the path, a model from the body, the others from the query.

    A value that does not match its annotation is answered with a 400 that names the field, and so is a query parameter that the route
    does not know. `family`: a prefix of other parameters, which the route reads itself.
    """
    fields = _body_fields(handler)
    injected: Handler = InjectParamsFactory(on_validation_error=partial(invalid, known=fields)).and_request(handler)
    known = _query_names(handler)
    told = ", ".join(known if family is None else (*known, f"{family}KEY")) or "none"

    @wraps(injected)
    async def strict(request: web.Request) -> web.StreamResponse:
        for name in request.query:
            if name not in known and (family is None or not name.startswith(family)):
                raise InvalidInput(f"{name!r} is not a query parameter of this route; it takes {told}.")
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


def _body_fields(handler: Callable[..., Awaitable[web.StreamResponse]]) -> tuple[str, ...]:
    hints = get_type_hints(handler)
    bodies = [hint for name, hint in hints.items() if name != "return" and _is_body(hint)]
    return tuple(field.alias or name for body in bodies for name, field in body.model_fields.items())


def _is_body(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class Body(BaseModel):
    """A JSON object without unknown keys; types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _small(metadata: JsonObject) -> JsonObject:
    try:
        size = len(orjson.dumps(metadata))
    except TypeError as error:
        raise ValueError(f"contains something that cannot be stored ({error})") from None
    if size > LARGEST:
        raise TooLarge(f"metadata should be at most {LARGEST} bytes as JSON; this is {size}.")
    return metadata


def _nameable(metadata: dict[str, object]) -> dict[str, object]:
    if not all(1 <= len(key) <= LONGEST_KEY for key in metadata):
        raise ValueError(f"keys should have 1 to {LONGEST_KEY} characters")
    return metadata


def as_json(value: dict[str, object]) -> JsonObject:
    """Types an object from a body, whose values pydantic does not check."""
    return {**value}  # type: ignore[dict-item] # it was JSON a moment ago


def as_json_list(value: list[object]) -> list[JsonValue]:
    """The same for a list."""
    return [*value]  # type: ignore[list-item] # it was JSON a moment ago


def rows_to_skip(cursor: str | None, offset: int | None) -> int:
    """Returns how many rows a page skips. Raises `InvalidInput` if both parameters are given."""
    if cursor is not None and offset is not None:
        raise InvalidInput("cursor and offset cannot be used together.")
    return offset or 0


def on_one_line(title: str) -> str:
    """Normalizes a title to one line. Raises `ValueError` if nothing is left."""
    if not (shown := title_given(title)):
        raise ValueError("should contain at least one visible character")
    return shown


SPACES = r"\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Characters stripped from both ends of a text, besides ASCII; in patterns of the document (ECMA-262)."""
NAMED: JsonObject = {"pattern": rf"[^\t-\r {SPACES}]"}
"""Something is left of a name after stripping."""
SAID: JsonObject = {"pattern": rf"[^\t-\r\u001c-\u0020{SPACES}]"}
"""Something is left of a message."""
SEEN: JsonObject = {"pattern": rf"[^\u0000-\u0020\u007f-\u009f\u202a-\u202e\u2066-\u2069{SPACES}]"}
"""Something is left of a title."""
GIVEN: JsonObject = {"minLength": 1, "pattern": r"^[A-Za-z0-9_=-]+$"}


def whole(value: object) -> object:
    """JSON has one kind of number: 60.0 is an integer, too (JSON Schema, section 6.1.1 of the validation vocabulary)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


SessionPath = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 128})]
"""Ids in paths. The lengths are documented and not checked: an impossible id is as unknown as any other."""
MessagePath = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 160})]
ChatPath = Annotated[str, Field(json_schema_extra={"minLength": 1})]
ModelPath = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 200})]
UserPath = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 255})]
NumberPath = Annotated[str, Field(json_schema_extra={"pattern": "^([1-9][0-9]{0,17}|latest)$"})]
NamePath = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 100})]
UuidPath = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Limit = Annotated[int, Field(ge=1, le=200, description="Rows per page.")]
Offset = Annotated[int, Field(ge=0, le=10_000_000, description="Rows to skip; not together with `cursor`.")]
Cursor = Annotated[
    str,
    Field(
        max_length=512,
        description="Continues the list: the `next_cursor` of an earlier page of the same list; not together with "
        "`offset`.",
        json_schema_extra=GIVEN,
    ),
]
Channel = Annotated[ChannelName, Field(json_schema_extra=CHANNEL)]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(on_one_line),
    Field(json_schema_extra=SEEN),
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Field(json_schema_extra=NAMED)
]
Whole = Annotated[int, BeforeValidator(whole)]
AgentChoice = Annotated[Name, Field(json_schema_extra=AGENT)]
Text = Annotated[str, Field(min_length=1, json_schema_extra=SAID)]
"""The text of a message: `check_text` rejects white space alone."""
User = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Metadata = Annotated[
    dict[str, object],
    AfterValidator(_small),
    AfterValidator(_nameable),
    Field(json_schema_extra={**VALUES, "propertyNames": {"minLength": 1, "maxLength": LONGEST_KEY}}),
]


Search = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(
        description="Words from titles and messages; the last one may be incomplete. Best matches first.",
        json_schema_extra=NAMED,
    ),
]


def metadata_of(request: web.Request) -> tuple[tuple[str, str], ...]:
    """Reads the `metadata.KEY=value` of a query. Raises `InvalidInput` for an invalid key."""
    asked = [(name.removeprefix(METADATA), value) for name, value in request.query.items() if name.startswith(METADATA)]
    for key, value in asked:
        if not 1 <= len(key) <= LONGEST_KEY:
            raise InvalidInput(f"{METADATA}KEY should name a key of 1 to {LONGEST_KEY} characters.")
        if not storable(key) or not storable(value):
            raise InvalidInput(f"{METADATA}KEY and its value should be text without NUL characters.")
    return tuple(asked)


def without_null(schema: JsonObject) -> None:
    """For the schema of an optional field that must not be null: its validator rejects null with a message of its own."""
    schema.pop("default", None)
    variants = schema.pop("anyOf", None)
    if isinstance(variants, list):
        rest = [variant for variant in variants if isinstance(variant, dict) and variant.get("type") != "null"]
        schema.update(rest[0] if len(rest) == 1 else {"anyOf": [*rest]})


def session_id_of(text: str) -> SessionId:
    """Returns a session's id from a path. An impossible id is as unknown as any other: raises `NotFound`."""
    if not 0 < len(text) <= 128 or not storable(text):
        raise NotFound("There is no such session.")
    return SessionId(text)


def message_id_of(text: str) -> MessageId:
    """Returns a message's id from a path or a body; raises `NotFound` for an impossible one."""
    if not 0 < len(text) <= 160 or not storable(text):
        raise NotFound("There is no such message.")
    return MessageId(text)


def uuid_of(text: str, noun: str) -> UUID:
    """Returns an id from a path; raises `NotFound` for an impossible one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no such {noun}.") from None
