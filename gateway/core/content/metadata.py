"""The sender's own data about a message: validated on receipt and passed through unread."""

from __future__ import annotations

import orjson

from gateway.core.content.storable import require_storable
from gateway.core.model import JsonObject
from gateway.errors import InvalidInput, TooLarge

LARGEST = 16_384
"""Bytes of metadata as JSON."""
LONGEST_KEY = 100


def metadata_of(value: object, place: str = "metadata") -> JsonObject:
    """Returns the metadata of a message, `{}` if there is none; `place` names it in errors.

    `value` is parsed JSON. Raises `InvalidInput`, and `TooLarge` above 16 KiB.
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
        raise InvalidInput(f"{place} contains something that cannot be stored ({error}).") from None
    if len(written) > LARGEST:
        raise TooLarge(f"{place} should be at most {LARGEST} bytes as JSON; this is {len(written)}.")
    require_storable(metadata, place, depth=1)
    return metadata
