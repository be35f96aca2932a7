"""Describes settings that cannot be used: each by its key, with what it should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import isclass
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.field_messages import message_of

MESSAGES = {
    "extra_forbidden": "is not a setting",
    "union_tag_invalid": "kind is '{tag}'; it should be one of: {expected_tags}",
    "union_tag_not_found": "kind is missing",
}
"""Messages about settings, by pydantic's error type; others are worded as in the API."""
NAME = "[key]"
"""What pydantic appends to the path of a table's name that is wrong itself."""


def wrong_settings(error: ValidationError, model: type[BaseModel], table: Sequence[str] = ()) -> str:
    """One line per setting of `model`, whose own keys follow those of `table`."""
    details = error.errors(include_url=False, include_input=False)
    return "\n".join(f"  {_line(detail, model, table)}" for detail in details)


def _line(detail: ErrorDetails, model: type[BaseModel], table: Sequence[str]) -> str:
    path = [part for part in detail["loc"] if part != NAME]
    key = ".".join([*table, *_keys(model, path)])
    message = message_of(detail, MESSAGES)
    if detail["type"] == "extra_forbidden" and (known := _fields_beside(model, path)):
        message += f"; it should be one of: {', '.join(known)}"
    # Without a key, the message names the settings that it is about.
    return f"{key}: {message}" if key else message


def _keys(model: object, path: Sequence[str | int]) -> Iterator[str]:
    """The path as people write it: pydantic puts an agent's kind after its name, but it is not part of the key."""
    for part in path:
        model, kind = _inside(model, part)
        if not kind:
            yield str(part)


def _fields_beside(model: object, path: Sequence[str | int]) -> Sequence[str]:
    for part in path[:-1]:
        model, _ = _inside(model, part)
    return tuple(model.model_fields) if isclass(model) and issubclass(model, BaseModel) else ()


def _inside(model: object, part: str | int) -> tuple[object, bool]:
    """The type of what a part of the path leads to, and whether the part only chooses among kinds."""
    if isclass(model) and issubclass(model, BaseModel):
        field = model.model_fields.get(str(part))
        return None if field is None else field.annotation, False
    origin, arguments = get_origin(model), get_args(model)
    if origin is Annotated:
        return _inside(arguments[0], part)
    if origin is dict:
        return arguments[1], False
    kinds = [each for each in arguments if _kind(each) == part]
    return (kinds[0], True) if kinds else (None, False)


def _kind(model: object) -> str | None:
    if not isclass(model) or not issubclass(model, BaseModel) or "kind" not in model.model_fields:
        return None
    (kind,) = get_args(model.model_fields["kind"].annotation)
    return str(kind)
