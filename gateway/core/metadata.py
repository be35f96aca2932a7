"""A sender's own data about a message: checked where it comes in, and passed through unread."""

from __future__ import annotations

import orjson

from gateway.core.model import JsonObject, JsonValue
from gateway.errors import InvalidInput, TooLarge

LARGEST = 16_384
"""Bytes of metadata as JSON."""
LONGEST_KEY = 100
DEEPEST = 32
"""Levels of nesting, as for bodies over HTTP."""


def metadata_of(value: object, place: str = "metadata") -> JsonObject:
    """The metadata of a message, `{}` for none; `place` names it in errors.

    `value` has been read from JSON. Raises `InvalidInput`, and `TooLarge` for more than 16 KiB.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{place} should be a JSON object.")
    if not all(1 <= len(key) <= LONGEST_KEY for key in value):
        raise InvalidInput(f"The keys of {place} should have 1 to {LONGEST_KEY} characters.")
    metadata: JsonObject = value
    try:
        written = orjson.dumps(metadata)
    except TypeError as error:
        raise InvalidInput(f"{place} holds what cannot be kept ({error}).") from None
    if len(written) > LARGEST:
        raise TooLarge(f"{place} should be at most {LARGEST} bytes as JSON; this is {len(written)}.")
    _require_storable(metadata, place)
    return metadata


def _require_storable(value: JsonValue, place: str, depth: int = 1) -> None:
    if depth > DEEPEST:
        raise InvalidInput(f"{place} is nested more than {DEEPEST} levels deep.")
    match value:
        case str():
            if "\0" in value:
                raise InvalidInput(f"{place} holds a NUL character (U+0000), which cannot be kept.")
        case list():
            for item in value:
                _require_storable(item, place, depth + 1)
        case dict():
            for key, item in value.items():
                _require_storable(key, place, depth)
                _require_storable(item, place, depth + 1)
        case _:
            return
