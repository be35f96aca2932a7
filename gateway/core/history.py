"""The history that agents receive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import overload

from gateway.core.content.tokens import estimated_tokens
from gateway.core.model import Message, MessageKind

SPOKEN: frozenset[MessageKind] = frozenset({"message", "human", "answer"})
WITH_APOLOGIES: frozenset[MessageKind] = SPOKEN | {"apology"}
"""Notes are for operators and never passed to agents."""


def history(messages: Sequence[Message], *, apologies: bool = False) -> Sequence[Message]:
    """Returns the messages to pass to an agent."""
    kinds = WITH_APOLOGIES if apologies else SPOKEN
    return LazyMessages(lambda: (message for message in messages if message.kind in kinds))


def fitted(messages: Sequence[Message], tokens: int, count: Callable[[Sequence[Message]], int]) -> Sequence[Message]:
    """Returns the newest whole turns with at most that many tokens, by the agent's count. Nothing is counted before it is read."""
    return LazyMessages(lambda: _fitted(messages, tokens, count))


def estimate(messages: Sequence[Message]) -> int:
    """Estimates the tokens of messages as text."""
    return sum(estimated_tokens(message.content) for message in messages)


def in_turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Groups messages by turn: each starts with its first message from the user."""
    turns = [list(messages[:1])] if messages else []
    for before, message in pairwise(messages):
        same = message.turn_id is not None and message.turn_id == before.turn_id
        if message.role == "user" and not (same and before.role == "user"):
            turns.append([])
        turns[-1].append(message)
    return turns


def _fitted(messages: Sequence[Message], tokens: int, count: Callable[[Sequence[Message]], int]) -> Iterable[Message]:
    turns = in_turns([message for message in messages if not message.deleted])
    first = len(turns)
    while first and (tokens := tokens - count(turns[first - 1])) >= 0:
        first -= 1
    return (message for turn in turns[first:] for message in turn)


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
