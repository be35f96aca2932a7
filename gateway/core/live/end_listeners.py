"""Notifies open connections when the credential they were opened with ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Callback = Callable[[], None]


class EndListeners(Generic[Key]):
    """Callbacks by credential."""

    def __init__(self) -> None:
        self._callbacks: dict[Key, list[Callback]] = {}  # most have one: a set takes 216 bytes

    def add(self, key: Key, ended: Callback) -> None:
        """Calls `ended`, which must not block, when the credential ends."""
        self._callbacks.setdefault(key, []).append(ended)

    def remove(self, key: Key, ended: Callback) -> None:
        """Undoes one `add`; may be repeated."""
        callbacks = self._callbacks.get(key, [])
        if ended in callbacks:
            callbacks.remove(ended)
        if not callbacks:
            self._callbacks.pop(key, None)

    def keys(self) -> tuple[Key, ...]:
        """Every credential with an open connection."""
        return tuple(self._callbacks)

    def notify(self, key: Key) -> None:
        """Calls back everyone who waits for the end of this credential."""
        for ended in tuple(self._callbacks.get(key, ())):
            ended()
