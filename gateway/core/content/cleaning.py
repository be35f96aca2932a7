"""Converts text and JSON to what the database can store."""

from __future__ import annotations

import re

from gateway.core.content.storable import storable
from gateway.core.model import JsonObject, JsonValue

_HALF = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Returns the text without NUL, and with U+FFFD in place of unpaired surrogates."""
    return text if storable(text) else _HALF.sub("\ufffd", text.replace("\0", ""))


def clean_object(given: JsonObject) -> JsonObject:
    """Cleans a JSON object and everything in it."""
    return {clean(key): _clean_value(value) for key, value in given.items()}


def clean_list(given: list[JsonValue]) -> list[JsonValue]:
    """Cleans a JSON list and everything in it."""
    return [_clean_value(item) for item in given]


def _clean_value(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return clean(value)
        case list():
            return clean_list(value)
        case dict():
            return clean_object(value)
        case _:
            return value
