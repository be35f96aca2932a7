"""A clock that a test sets ahead."""

from __future__ import annotations

import time


class Clock:
    """The machine's clock, `ahead_s` seconds later."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s
