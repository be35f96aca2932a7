"""Notifies open connections when the credential they were opened with ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Callback = Callable[[], None]


class EndListeners(Generic[Key]):
    """Callbacks by credential."""

    def __init__(self) -> None:
        self._callbacks: dict[Key, set[Callback]] = {}

    def add(self, key: Key, ended: Callback) -> Callable[[], None]:
        """Calls `ended`, which must not block, when the credential ends. Returns a function that removes it and may be repeated."""
        self._callbacks.setdefault(key, set()).add(ended)

        def remove() -> None:
            callbacks = self._callbacks.get(key, set())
            callbacks.discard(ended)
            if not callbacks:
                self._callbacks.pop(key, None)

        return remove

    def keys(self) -> tuple[Key, ...]:
        """Every credential with an open connection."""
        return tuple(self._callbacks)

    def notify(self, key: Key) -> None:
        """Calls back everyone who waits for the end of this credential."""
        for ended in tuple(self._callbacks.get(key, ())):
            ended()
