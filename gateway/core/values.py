"""Value classes for what is created with every message and turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[Kind]) -> type[Kind]:
    """Like `dataclass(frozen=True, slots=True)`, but frozen only for mypy.

    A class that is frozen at run time sets each field through a call, which takes nine times as long.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
