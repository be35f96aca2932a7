"""A wrong wall clock for a Python process: with this folder on PYTHONPATH, FAULTS_CLOCK_S seconds are added to it.

`time.time`, `time.time_ns` and what `datetime` tells as now are shifted, before anything else is imported. The machine's own
clock cannot be moved by a test, so whatever asks the kernel past these (C libraries, the database) keeps the right time.
`time.monotonic` is left alone: it does not follow the wall clock.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import Self

SHIFT_S = float(os.environ.get("FAULTS_CLOCK_S", "0"))
real_time, real_time_ns, Real = time.time, time.time_ns, dt.datetime


def shifted_time() -> float:
    return real_time() + SHIFT_S


def shifted_time_ns() -> int:
    return real_time_ns() + int(SHIFT_S * 1e9)


class OfAnyClock(type):
    """What C code makes is a `datetime` too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Real)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, Real)


class Shifted(dt.datetime, metaclass=OfAnyClock):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(shifted_time(), tz)

    @classmethod
    def utcnow(cls) -> Self:
        return cls.fromtimestamp(shifted_time(), dt.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Self:
        return cls.now()


time.time, time.time_ns = shifted_time, shifted_time_ns
dt.datetime = Shifted  # type: ignore[misc] # the point of it
