"""The history that agents receive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import overload

from gateway.core.model import Message, MessageKind

SPOKEN: frozenset[MessageKind] = frozenset({"message", "human", "answer"})
WITH_APOLOGIES: frozenset[MessageKind] = SPOKEN | {"apology"}
"""Notes are for operators and never passed to agents."""


def history(messages: Sequence[Message], *, apologies: bool = False) -> Sequence[Message]:
    """Returns the messages to pass to an agent."""
    kinds = WITH_APOLOGIES if apologies else SPOKEN
    return LazyMessages(lambda: (message for message in messages if message.kind in kinds))


class LazyMessages(Sequence[Message]):
    """Messages created on first access: many agents never read the history."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Iterable[Message]]) -> None:
        self._make = make
        self._made: tuple[Message, ...] | None = None

    def _all(self) -> tuple[Message, ...]:
        if self._made is None:
            self._made = tuple(self._make())
        return self._made

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Message]: ...

    def __getitem__(self, place: int | slice) -> Message | Sequence[Message]:
        return self._all()[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())
