"""Dispatches waiting work that a check has found: the only table of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gateway.core.delivery.outbox import Outbox
from gateway.core.lookback import FeedPosition
from gateway.core.ports.work_finder import KnownWork, Waiting
from gateway.core.replicas.on_demand import OnDemand, call_each
from gateway.core.state.snapshots import AutoSnapshots
from gateway.core.turns.pulse import Sweep
from gateway.core.turns.runner import Runner
from gateway.core.users.visitors import Visitors
from gateway.identity.authenticator import TokenAuthenticator
from scheduler.ticker import Scheduler

EARLY = 0.9
"""Factor of `sweep_s`: a check that comes a little early still sweeps."""


@dataclass(frozen=True, slots=True)
class DutyParts:
    """The parts that work. `place_in_lists`: brings lists' indexes up to date. `take_over`: continues erasures."""

    runner: Runner
    outbox: Outbox
    sweep: Sweep
    scheduler: Scheduler
    place_in_lists: Callable[[], Awaitable[object]]
    states: AutoSnapshots
    visitors: Visitors
    authenticator: TokenAuthenticator
    take_over: Callable[[], Awaitable[object]]
    sweep_s: float


class Duties:
    """Reports what this replica already works on, and passes waiting work to the parts in charge. `sweep` takes new work in.

    `passed`: gets the position of each query.
    """

    def __init__(self, parts: DutyParts, passed: Callable[[FeedPosition], None]) -> None:
        self._passed = passed
        self._parts = parts
        self._swept = float("-inf")
        self.sweep = OnDemand("sweep", parts.sweep.once)
        self._lists = OnDemand("lists", parts.place_in_lists)
        self._states = OnDemand("states", parts.states.save)
        self._erasures = OnDemand("erasures", parts.take_over)

    @property
    def others(self) -> tuple[OnDemand, ...]:
        """All of them except the sweep."""
        return (self._lists, self._states, self._erasures)

    def known_work(self) -> KnownWork:
        """What a check need not find."""
        parts = self._parts
        return KnownWork(
            running=parts.runner.running,
            held=parts.outbox.held,
            tokens=parts.authenticator.watched,
            visitors=parts.visitors.watched,
            quiet=parts.states.quiet,
            every=parts.states.every,
        )

    def tell(self, waiting: Waiting) -> None:
        """Calls the parts that have something to do. One that fails does not keep the others from their work."""
        if waiting.turns or waiting.deliveries:
            self._sweep()
        call_each(
            ended=partial(self._parts.authenticator.ended, waiting.ended, waiting.erased),
            identified=partial(self._parts.visitors.identified, waiting.identified),
            fires=partial(self._fires, waiting),
            news=partial(self._passed, waiting.position),
        )
        for waits, work in (
            (waiting.activity, self._lists),
            (waiting.states, self._states),
            (waiting.erasures, self._erasures),
        ):
            if waits:
                work.call()

    def _fires(self, waiting: Waiting) -> None:
        if waiting.fires_in is not None:
            self._parts.scheduler.expect(waiting.fires_in.total_seconds())

    def _sweep(self) -> None:
        """At most once per `sweep_s`."""
        now = time.monotonic()
        if now - self._swept >= self._parts.sweep_s * EARLY:
            self._swept = now
            self.sweep.call()
