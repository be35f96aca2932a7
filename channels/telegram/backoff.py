"""Pauses between tries: exponential backoff with jitter, so that replicas do not all come back at once."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Seconds to wait before the next try: between half of the doubled pause and all of it, up to `longest`."""

    first: float = 1.0
    longest: float = 30.0
    tries: int = 0

    def next(self) -> float:
        ceiling = min(self.longest, self.first * 2.0 ** min(self.tries, 16))
        self.tries += 1
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - spreading load needs no secrecy

    def reset(self) -> None:
        self.tries = 0
