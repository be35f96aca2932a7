"""What a field should be, in words without terms of Python or pydantic. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ErrorDetails

OBJECT = "should be a JSON object"
WHOLE_NUMBER = "should be a whole number"
TRUTH = "should be true or false"
MESSAGES: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "should be a string",
    "bool_type": TRUTH,
    "bool_parsing": TRUTH,
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "dict_type": OBJECT,
    "model_type": OBJECT,
    "model_attributes_type": OBJECT,
    "list_type": "should be a list",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
    "too_short": "should hold at least {min_length}",
    "too_long": "should hold at most {max_length}",
    "union_tag_not_found": "should have a {discriminator}",
    "union_tag_invalid": "{discriminator} should be one of: {expected_tags}",
}
"""Replacements for pydantic's messages, by error type."""
PREFIXES = ("Value error, ", "Input ", "String ")


def message_of(detail: ErrorDetails, own: Mapping[str, str] | None = None) -> str:
    """Says what the value should be. `own`: messages that take precedence, by error type."""
    if (message := {**MESSAGES, **(own or {})}.get(detail["type"])) is not None:
        return message.format(**detail.get("ctx", {}))
    message = detail["msg"]
    for prefix in PREFIXES:
        message = message.removeprefix(prefix)
    return message
