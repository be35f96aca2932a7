"""Pauses between requests to a model's server, and when to give up: before the turn's time is over."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import timedelta

import openai
import structlog

from gateway.agents.openai.failures import as_agent_error, is_transient, retry_after
from gateway.core.model import AgentName, Turn

log = structlog.get_logger(__name__)

MOST_TRIES = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
JITTER_S = 1.0
MARGIN_S = 1.0


def deadline(patience: timedelta) -> float:
    """Returns when the last try of a turn that starts now may begin, on the monotonic clock: shortly before the turn's time is over.

    Otherwise the turn would be reported as too slow, not with what was wrong.
    """
    seconds = patience.total_seconds()
    return time.monotonic() + seconds - min(MARGIN_S, seconds / 10)


@dataclass(slots=True)
class BackOff:
    """The pauses between the tries of one request; logs each."""

    name: AgentName
    turn: Turn
    until: float
    secret: str = field(repr=False)
    _failed: int = 0

    def __call__(self, error: Exception) -> bool | float:
        """Returns the seconds until the next try; False if there should be none."""
        if not isinstance(error, openai.APIError) or not is_transient(error):
            return False
        self._failed += 1
        pause = self._pause(retry_after(error))
        if self._failed >= MOST_TRIES or time.monotonic() + pause >= self.until:
            return False
        log.warning(
            "agent_retry",
            agent=self.name,
            turn=str(self.turn.turn_id),
            attempt=self.turn.attempt,
            tries=self._failed,
            wait_s=round(pause, 1),
            reason=str(as_agent_error(self.name, error, self.secret)),
        )
        return pause

    def _pause(self, asked: float | None) -> float:
        if asked is not None:
            return asked
        jitter = random.uniform(0, JITTER_S)  # noqa: S311 - spreads load, guards nothing
        return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._failed - 1) + jitter)
