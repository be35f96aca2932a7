"""Pauses between requests to an agent's server, and when to give up: before the turn's time is over."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

import structlog

from gateway.core.model import AgentName, Turn

log = structlog.get_logger(__name__)

MOST_TRIES = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
JITTER_S = 1.0
MARGIN_S = 1.0


def deadline(patience: timedelta, remaining_s: float = math.inf) -> float:
    """Returns when the last try of a turn that starts now may begin, on the monotonic clock: shortly before the turn's time is over.

    Otherwise the turn would be reported as too slow, not with what was wrong. `remaining_s`: the turn's own.
    """
    seconds = min(patience.total_seconds(), remaining_s)
    return time.monotonic() + seconds - min(MARGIN_S, seconds / 10)


@dataclass(frozen=True, slots=True)
class Transient:
    """A failure after which the same request may succeed. `reason` is logged; `retry_after`: seconds, if the server asks for a pause."""

    reason: str
    retry_after: float | None = None


Judge = Callable[[Exception], Transient | None]
"""Tells the failures that may pass from others."""


@dataclass(slots=True)
class BackOff:
    """The pauses between the tries of one request; logs each."""

    name: AgentName
    turn: Turn
    until: float
    judge: Judge
    _failed: int = 0

    def __call__(self, error: Exception) -> bool | float:
        """Returns the seconds until the next try; False if there should be none."""
        transient = self.judge(error)
        if transient is None:
            return False
        self._failed += 1
        pause = self._pause(transient.retry_after)
        if self._failed >= MOST_TRIES or time.monotonic() + pause >= self.until:
            return False
        log.warning(
            "agent_retry",
            agent=self.name,
            turn=str(self.turn.turn_id),
            attempt=self.turn.attempt,
            tries=self._failed,
            wait_s=round(pause, 1),
            reason=transient.reason,
        )
        return pause

    def _pause(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        jitter = random.uniform(0, JITTER_S)  # noqa: S311 - spreads load, guards nothing
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._failed - 1) + jitter)


def seconds_asked(retry_after: str | None) -> float | None:
    """Returns the seconds of a `Retry-After` header (RFC 9110, section 10.2.3: seconds or a date); None if it has none."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
