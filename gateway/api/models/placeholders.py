"""Placeholders in the schemas of bodies, filled in when the document is built."""

from __future__ import annotations

from gateway.core.model import JsonObject, JsonValue

AGENT: JsonObject = {"format": "agent-name"}
"""The name of an existing agent."""
CHANNEL: JsonObject = {"format": "channel-name"}
"""The name of a channel that sessions may have here."""
OF_A_CHANNEL = "web, telegram, scheduled, terminal or api, or the name of a channel that an installed package brings."
VALUE: JsonObject = {"format": "json-value"}
"""Any JSON that can be stored."""
VALUES: JsonObject = {"additionalProperties": VALUE}
ITEMS: JsonObject = {"items": VALUE}
REFERENCE = "#/components/schemas/JsonValue"
JSON_VALUE: JsonObject = {
    "description": "Any JSON; numbers must fit in 64 bits.",
    "anyOf": [
        {"type": ["null", "boolean", "string"]},
        {"type": "number", "minimum": -(2**63), "maximum": 2**64 - 1},
        {"type": "array", "items": {"$ref": REFERENCE}},
        {"type": "object", "additionalProperties": {"$ref": REFERENCE}},
    ],
}


def filled(schema: JsonValue, agents: list[JsonValue], channels: list[JsonValue]) -> JsonValue:
    """Replaces placeholders with the names of agents and channels, and with references.

    Without `channels`: for any gateway.
    """
    if isinstance(schema, list):
        return [filled(item, agents, channels) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == VALUE["format"]:
        return {"$ref": REFERENCE}
    if schema.get("format") == AGENT["format"]:
        return {"type": "string", "enum": agents}
    if schema.get("format") == CHANNEL["format"]:
        return {"type": "string", "enum": channels} if channels else {"type": "string", "description": OF_A_CHANNEL}
    return {name: filled(value, agents, channels) for name, value in schema.items()}
