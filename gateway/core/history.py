"""What agents are told of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from gateway.core.model import Message, MessageKind

SPOKEN: frozenset[MessageKind] = frozenset({"message", "human"})
WITH_APOLOGIES: frozenset[MessageKind] = SPOKEN | {"apology"}
"""Notes are for operators, never for agents."""


class History(Sequence[Message]):
    """The messages of some kinds, picked out when somebody looks: many agents never look at the history."""

    __slots__ = ("_kinds", "_messages", "_picked")

    def __init__(self, messages: Sequence[Message], *, apologies: bool = False) -> None:
        self._messages = messages
        self._kinds = WITH_APOLOGIES if apologies else SPOKEN
        self._picked: tuple[Message, ...] | None = None

    def _all(self) -> tuple[Message, ...]:
        if self._picked is None:
            self._picked = tuple(message for message in self._messages if message.kind in self._kinds)
        return self._picked

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
