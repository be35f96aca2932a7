"""The document of the HTTP API, adapted for schemathesis."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Document = dict[str, Any]

PLACES = frozenset({"cursor", "before", "before_id"})
"""Query parameters that take only what an earlier page gave: other tests use them."""
DECIDED_BY_DATA: dict[str, dict[str, Any]] = {
    "ScheduleDraft.deliver_to": {"maxItems": 0},
    "ScheduleChange.deliver_to": {"maxItems": 0},
    "ScheduleDraft.timezone": {"enum": ["UTC", "Europe/Berlin"]},
    "ScheduleChange.timezone": {"enum": ["UTC", "Europe/Berlin"]},
    "Cron.expression": {"enum": ["0 8 * * mon-fri", "*/20 * * * *"]},
    "Once.at": {"enum": ["2100-01-01T00:00:00Z"]},
    "TokenDraft.expires": {"pattern": "^[1-9][0-9]?[smhdw]$"},
}
"""Fields whose valid values no schema can list: a few of them stand for all."""


def narrowed(document: Document) -> Document:
    """A copy in which all valid requests are accepted, and answers contain only the described fields.

    Clients must allow for more fields in later versions; tests need not.
    """
    copy = deepcopy(document)
    schemas = copy["components"]["schemas"]
    for name in _answered(copy):
        if "properties" in schemas[name]:
            schemas[name].setdefault("additionalProperties", False)
    for field, rule in DECIDED_BY_DATA.items():
        name, _, attribute = field.partition(".")
        for value in _values(schemas[name]["properties"][attribute]):
            value.update(rule)
    for operation in (operation for methods in copy["paths"].values() for operation in methods.values()):
        operation["parameters"] = [one for one in operation["parameters"] if one.get("name") not in PLACES]
    return copy


def _values(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The values that a field may have if it is not null."""
    return [variant for variant in schema.get("anyOf", [schema]) if variant.get("type") != "null"]


def _answered(document: Document) -> set[str]:
    """The names of the schemas of answers."""
    schemas, found = document["components"]["schemas"], set[str]()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    left = list(_names([operation["responses"] for operation in operations]))
    left += _names(document["components"]["responses"])
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _names(schemas[name])
    return found


def _names(value: object) -> Iterator[str]:
    """The schemas that are referenced anywhere inside."""
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            yield reference.rpartition("/")[2]
        for item in value.values():
            yield from _names(item)
