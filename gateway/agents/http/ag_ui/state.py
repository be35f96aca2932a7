"""AG-UI's state, which is the session's blackboard: what has become of it; pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import jsonpatch
from jsonpointer import JsonPointerException
from pydantic import BaseModel

from gateway.agents.http.faults import Unusable
from gateway.core.model import JsonObject, JsonValue


def patched(document: JsonValue, operations: Iterable[BaseModel]) -> JsonValue:
    """Returns the document with the changes of a JSON Patch (RFC 6902). Raises `Unusable` if they don't fit."""
    patch = [operation.model_dump(by_alias=True) for operation in operations]
    try:
        result: JsonValue = jsonpatch.apply_patch(copy.deepcopy(document), patch)
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError) as error:
        raise Unusable(f"sent a JSON Patch that does not fit what it changes: {type(error).__name__}.") from error
    return result


def changes(before: JsonObject, after: JsonValue) -> JsonObject:
    """Returns the keys to set, and None for those to remove. Raises `Unusable` for a state that is no object."""
    if not isinstance(after, dict):
        raise Unusable("sent a state that is not an object.")
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    return {**changed, **dict.fromkeys(before.keys() - after.keys())}
