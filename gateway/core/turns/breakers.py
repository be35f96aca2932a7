"""Circuit breakers: an agent that keeps failing is spared for a while, and its users are told at once."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from gateway.core.measuring.metrics import BREAKER_REFUSED
from gateway.core.model import AgentName
from gateway.core.ports.agents import TurnTerms
from gateway.errors import AgentError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` failed attempts in a row. Every `pause_s` seconds, one turn may then try; the first success closes it.

    Times are seconds of a monotonic clock.
    """

    failures: int
    pause_s: float
    failed: int = 0
    _resting_until: float = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether the agent has failed too often."""
        return self.failed >= self.failures

    def wait(self, now: float) -> float:
        """Returns the seconds until a turn may call the agent; 0: this one may, and the next waits for how it ends."""
        if not self.is_open:
            return 0
        left = self._resting_until - now
        if left > 0:
            return left
        self._resting_until = now + self.pause_s
        return 0

    def failed_at(self, now: float) -> None:
        """An attempt has failed."""
        self.failed += 1
        self._resting_until = now + self.pause_s


class Breakers:
    """Those of one replica: each one finds out by itself what fails."""

    def __init__(self, terms: Mapping[AgentName, TurnTerms]) -> None:
        self._breakers = {
            name: Breaker(of_agent.breaker_failures, of_agent.breaker_pause.total_seconds())
            for name, of_agent in terms.items()
            if of_agent.breaker_failures is not None
        }

    def refusal(self, agent: AgentName) -> AgentError | None:
        """Returns why the agent may not be called now; None if it may."""
        breaker = self._breakers.get(agent)
        if breaker is None or not (seconds := breaker.wait(time.monotonic())):
            return None
        BREAKER_REFUSED.labels(agent).inc()
        return AgentError(
            f"agents.{agent} has failed {breaker.failed} times in a row; it is tried again in {math.ceil(seconds)} s.",
            retryable=False,
            error_class="unavailable",
        )

    def heard(self, agent: AgentName, failure: AgentError | None) -> None:
        """An attempt has ended. A failure that another attempt would not mend says nothing about the agent's state."""
        breaker = self._breakers.get(agent)
        if breaker is None or (failure is not None and not failure.retryable):
            return
        was_open = breaker.is_open
        if failure is None:
            breaker.failed = 0
        else:
            breaker.failed_at(time.monotonic())
        if breaker.is_open != was_open:
            log.warning("agent_spared" if breaker.is_open else "agent_recovered", agent=agent, failures=breaker.failed)
