"""One requirement of a suite, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Subject = TypeVar("Subject")
Need = TypeVar("Need", bound=str)


@dataclass(frozen=True, slots=True)
class CaseOf(Generic[Subject, Need]):
    """`run` raises `AssertionError` if the requirement is not met. `needs`: the abilities without which it does not apply."""

    run: Callable[[Subject], Coroutine[object, object, None]]
    needs: frozenset[Need] = field(default=frozenset())

    @property
    def name(self) -> str:
        return self.run.__name__

    def __str__(self) -> str:
        return self.name
