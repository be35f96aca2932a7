"""How often somebody may do something: token buckets by key, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.errors import TooManyRequests

CAPACITY = 10_000
"""Keys remembered at most; beyond it, whoever was quiet longest is forgotten."""


class Rates:
    """A bucket of `burst` tokens per key, filled by `per_minute` tokens a minute.

    Kept as one time per key: when its bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(
        self,
        per_minute: float,
        burst: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        capacity: int = CAPACITY,
    ) -> None:
        self._interval = 60 / per_minute
        self._depth = self._interval * (per_minute if burst is None else burst)
        self._clock = clock
        self._capacity = capacity
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> float:
        """Takes a token. Returns 0, or the seconds until there is one; then none was taken."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._interval
        wait = full_at - now - self._depth
        if wait > 1e-9:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        self._forget(now)
        return 0.0

    def check(self, key: str) -> None:
        """Takes a token. Raises `TooManyRequests`."""
        if wait := self.take(key):
            raise TooManyRequests(f"That is too often. Try again in {max(1, round(wait))} s.", wait)

    def _forget(self, now: float) -> None:
        oldest = next(iter(self._full_at))
        if self._full_at[oldest] <= now or len(self._full_at) > self._capacity:
            del self._full_at[oldest]
