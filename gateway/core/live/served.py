"""Who is served here in a name that may end, and hears when it does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Told = Callable[[], None]


class Served(Generic[Key]):
    """Whom to tell, by name."""

    def __init__(self) -> None:
        self._told: dict[Key, set[Told]] = {}

    def add(self, key: Key, over: Told) -> Callable[[], None]:
        """Calls `over`, which must not block, once it is over with that name; the answer forgets about it, and may be repeated."""
        self._told.setdefault(key, set()).add(over)

        def forget() -> None:
            told = self._told.get(key, set())
            told.discard(over)
            if not told:
                self._told.pop(key, None)

        return forget

    def keys(self) -> tuple[Key, ...]:
        """Every name that somebody is served in now."""
        return tuple(self._told)

    def tell(self, key: Key) -> None:
        """It is over with that name."""
        for over in tuple(self._told.get(key, ())):
            over()
