"""Frames as `docs/websocket.schema.json` describes them, for tests that receive some."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SCHEMA = Path(__file__).parents[1] / "docs" / "websocket.schema.json"


@cache
def described(kind: str) -> jsonschema_rs.Validator:
    """Checks a `ServerFrame` or a `ClientFrame`. Unlike clients, it takes no field that is not described."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for definition in schema["$defs"].values():
        if definition.get("type") == "object":
            definition["additionalProperties"] = False
    return jsonschema_rs.validator_for({**schema, "$ref": f"#/$defs/{kind}"})


def require_described(frame: dict[str, Any]) -> None:
    """Fails for a frame of the gateway's that isn't as described."""
    described("ServerFrame").validate(frame)
