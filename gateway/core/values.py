"""Values that are made for every message and turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[Kind]) -> type[Kind]:
    """As `dataclass(frozen=True, slots=True)`, but only mypy keeps it frozen.

    A class that is frozen at run time sets each field by a call, which takes nine times as long.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
