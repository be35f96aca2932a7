"""Describes what is wrong with a request's fields in terms that a client's author knows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pydantic import ValidationError
from pydantic_core import ErrorDetails

OBJECT = "should be a JSON object"
WHOLE_NUMBER = "should be a whole number"
TRUTH = "should be true or false"
WORDS: Mapping[str, str] = {
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
"""Replacements for pydantic's messages, which use Python's terms, by error type."""
BRANCHES: Mapping[str | int, str] = {
    "str": "a string",
    "ChatUser": "an object with id",
    "dict[str,any]": "a JSON object",
    "list[any]": "a list",
}
"""The branches of union types: pydantic includes them in a field's path, but clients only know the field."""
MOST_KNOWN = 30
"""Fields that are listed when one is unknown."""
PREFIXES = ("Value error, ", "Input ", "String ")


@dataclass(frozen=True, slots=True)
class Fault:
    """A field by its path, such as `messages.0.content`, and what it should be."""

    field: str
    message: str


def faults_of(error: ValidationError, known: Collection[str] = ()) -> list[Fault]:
    """One fault per invalid field; for a union, the faults of the closest branch. `known`: the fields that the request may have."""
    told = f"; known: {', '.join(list(known)[:MOST_KNOWN])}" if known else ""
    details = error.errors(include_url=False, include_input=False)
    unions = [_union(detail) for detail in details]
    faults: dict[Fault, None] = {}
    for detail, union in zip(details, unions, strict=True):
        if union is None:
            unknown = told if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1 else ""
            faults[Fault(_path(detail["loc"]), message_of(detail) + unknown)] = None
            continue
        alike = [other for other, its in zip(details, unions, strict=True) if its == union]
        deeper = [other for other in alike if other["loc"][-1] not in BRANCHES]
        if not deeper:
            names = ", or ".join(BRANCHES[other["loc"][-1]] for other in alike)
            faults[Fault(_path(union), f"should be {names}")] = None
        elif detail in deeper:
            faults[Fault(_path(detail["loc"]), message_of(detail))] = None
    return list(faults)


def _union(detail: ErrorDetails) -> Sequence[str | int] | None:
    """The path of the union field that this branch belongs to; None if it is not about a branch."""
    field, *rest = detail["loc"] or ("",)
    before = (field, *takewhile(lambda part: part not in BRANCHES, rest))
    return before if len(before) < len(detail["loc"]) else None


def _path(loc: Sequence[str | int]) -> str:
    # The first is always a field, even if it has the name of a branch.
    return ".".join([*map(str, loc[:1]), *(str(part) for part in loc[1:] if part not in BRANCHES)])


def message_of(detail: ErrorDetails) -> str:
    """What a value should be, without terms of Python."""
    if (words := WORDS.get(detail["type"])) is not None:
        return words.format(**detail.get("ctx", {}))
    message = detail["msg"]
    for prefix in PREFIXES:
        message = message.removeprefix(prefix)
    return message
