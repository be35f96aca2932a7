"""Describes what is wrong with a request's fields in terms that a client's author knows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.field_messages import message_of

BRANCHES: Mapping[str | int, str] = {
    "str": "a string",
    "ChatUser": "an object with id",
    "dict[str,any]": "a JSON object",
    "list[any]": "a list",
}
"""The branches of union types: pydantic includes them in a field's path, but clients only know the field."""
MOST_KNOWN = 30
"""Fields that are listed when one is unknown."""


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
