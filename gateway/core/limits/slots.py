"""How many things a user may have open at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import TooManyRequests

RETRY_S = 5.0
"""Nobody knows when one will be closed."""


class Slots:
    """At most that many at a time per key; None is no limit. `setting`: the setting to name in errors."""

    def __init__(self, most: int | None, setting: str) -> None:
        self._most = most
        self._setting = setting
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many keys hold a slot."""
        return len(self._held)

    @contextmanager
    def held(self, key: str) -> Iterator[None]:
        """Holds a slot for the block. Raises `TooManyRequests` if there is none left."""
        self.take(key)
        try:
            yield
        finally:
            self.release(key)

    def take(self, key: str) -> None:
        """Takes a slot until `release`. Raises `TooManyRequests` if there is none left."""
        if self._most is not None and self._held[key] >= self._most:
            raise TooManyRequests(
                f"Too many are open: {self._setting} allows {self._most} at the same time. Close one first.", RETRY_S
            )
        self._held[key] += 1

    def release(self, key: str) -> None:
        """Returns a slot."""
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
