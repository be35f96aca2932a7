"""Inputs of tools, outputs and usage as the core has them; pure."""

from __future__ import annotations

import orjson
from pydantic_ai import ModelResponse, RunUsage
from pydantic_ai.messages import BaseToolCallPart
from pydantic_core import to_jsonable_python

from gateway.core.model import JsonObject, JsonValue, Usage

FENCE = "```"


def input_of(part: BaseToolCallPart) -> JsonObject:
    """Returns a call's arguments; what a model wrote instead of an object is shown as it is."""
    try:
        arguments = part.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        return {"input": str(part.args)}
    return {str(key): as_json(value) for key, value in arguments.items()}


def as_json(output: object) -> JsonValue:
    """Returns a structured output as JSON; what has no JSON as text."""
    found: JsonValue = to_jsonable_python(output, fallback=str)
    return found


def rendering_of(output: JsonValue) -> str:
    """Returns a structured output as text for people: plain values as they are, everything else as indented JSON."""
    if isinstance(output, dict | list):
        return f"{FENCE}json\n{orjson.dumps(output, option=orjson.OPT_INDENT_2).decode()}\n{FENCE}"
    return output if isinstance(output, str) else orjson.dumps(output).decode()


def usage_of(usage: RunUsage, last: ModelResponse | None) -> Usage:
    """Returns what a run used. The cost is of the library's price list, which comes with it."""
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        (last.model_name or "") if last is not None else "",
        None if usage.cost is None else float(usage.cost),
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    )
