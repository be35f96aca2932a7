"""What the database can store: text without NUL characters or unpaired surrogates, and JSON that is not nested too deeply."""

from __future__ import annotations

from gateway.core.model import JsonValue
from gateway.errors import InvalidInput

DEEPEST = 32
"""Levels of nesting."""


def storable(text: str) -> bool:
    """Whether the database can store the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def require_storable(value: JsonValue, place: str, depth: int = 0) -> None:
    """Raises `InvalidInput`, naming the place, for text or JSON that the database cannot store. `depth`: how deeply the value is nested."""
    if depth > DEEPEST:
        raise InvalidInput(f"{place} is nested more than {DEEPEST} levels deep.")
    match value:
        case str() if not storable(value):
            raise InvalidInput(f"{place} contains a NUL character or half of a surrogate pair, which cannot be stored.")
        case list():
            for item in value:
                require_storable(item, place, depth + 1)
        case dict():
            for name, item in value.items():
                require_storable(name, place, depth)
                require_storable(item, place, depth + 1)
        case _:
            return
