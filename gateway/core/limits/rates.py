"""Rate limits: token buckets by key, in bounded memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.errors import TooManyRequests

CAPACITY = 10_000
"""Keys remembered at most; beyond that, the one that was idle longest is forgotten."""
TINY = 1e-9
"""Seconds; a shorter wait is a rounding error."""


class Rates:
    """A bucket of `burst` tokens per key, refilled with `per_minute` tokens a minute. `setting`: the setting to name in errors.

    Stores one time per key: when its bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(
        self,
        per_minute: float,
        burst: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        capacity: int = CAPACITY,
        setting: str = "",
    ) -> None:
        self._reason = f" ({setting} is {per_minute:g})" if setting else ""
        self._interval = 60 / per_minute
        self._depth = self._interval * (per_minute if burst is None else burst)
        self._clock = clock
        self._capacity = capacity
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, at: float | None = None) -> float:
        """Takes a token, now or at a past time. Returns 0, or the seconds until there is one without taking it."""
        now = self._clock() if at is None else at
        full_at = self._after_one_more(key, now)
        wait = full_at - now - self._depth
        if wait > TINY:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        # Past times arrive in any order, so no bucket is known to be full by then.
        self._forget(now if at is None else -math.inf)
        return 0.0

    def check(self, key: str, at: float | None = None) -> None:
        """Takes a token, now or at a past time. Raises `TooManyRequests`."""
        if wait := self.take(key, at):
            raise self._refusal(wait)

    def put_back(self, key: str) -> None:
        """Returns a token that was taken."""
        if key in self._full_at:
            self._full_at[key] -= self._interval

    def require(self, key: str) -> None:
        """Takes no token. Raises `TooManyRequests` while there is none to take."""
        now = self._clock()
        if (wait := self._after_one_more(key, now) - now - self._depth) > TINY:
            raise self._refusal(wait)

    def _after_one_more(self, key: str, now: float) -> float:
        return max(self._full_at.get(key, now), now) + self._interval

    def _refusal(self, wait: float) -> TooManyRequests:
        return TooManyRequests(f"Too many requests{self._reason}. Try again in {max(1, math.ceil(wait))} s.", wait)

    def _forget(self, now: float) -> None:
        oldest = next(iter(self._full_at))
        if self._full_at[oldest] <= now or len(self._full_at) > self._capacity:
            del self._full_at[oldest]
