"""Placeholders in the schemas of bodies, for what only the finished document knows."""

from __future__ import annotations

from gateway.core.model import JsonObject, JsonValue

AGENT: JsonObject = {"format": "agent-name"}
"""The name of an agent that exists."""
VALUE: JsonObject = {"format": "json-value"}
"""Any JSON that can be kept."""
VALUES: JsonObject = {"additionalProperties": VALUE}
ITEMS: JsonObject = {"items": VALUE}
REFERENCE = "#/components/schemas/JsonValue"
JSON_VALUE: JsonObject = {
    "description": "Any JSON; numbers fit into 64 bits.",
    "anyOf": [
        {"type": ["null", "boolean", "string"]},
        {"type": "number", "minimum": -(2**63), "maximum": 2**64 - 1},
        {"type": "array", "items": {"$ref": REFERENCE}},
        {"type": "object", "additionalProperties": {"$ref": REFERENCE}},
    ],
}


def filled(schema: JsonValue, agents: list[JsonValue]) -> JsonValue:
    """The same schema, with names of agents and references in place of their placeholders."""
    if isinstance(schema, list):
        return [filled(item, agents) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == VALUE["format"]:
        return {"$ref": REFERENCE}
    if schema.get("format") == AGENT["format"]:
        return {"type": "string", "enum": agents}
    return {name: filled(value, agents) for name, value in schema.items()}
