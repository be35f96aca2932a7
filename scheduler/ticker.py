"""The scheduler's loop: waits until something is due, fires it, and hands over the turns. Any replica may."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import structlog

from gateway.core.intake.message_rates import MessageRates
from gateway.core.model import AgentName, UserId
from gateway.core.ports.agents import TurnTerms
from gateway.core.ports.schedules import Schedule, ScheduleId, ScheduleStore
from gateway.core.ports.turns import Acceptance
from gateway.core.service import Intake
from gateway.core.tasks.background import Background
from gateway.core.tasks.waiting import Alarm
from gateway.errors import GatewayError, StoreUnavailable, TooManyRequests
from scheduler.catchup import plan
from scheduler.normalize import message_of_fire, message_of_request

FIRST_BACK_OFF_S = 1.0
SHORTEST_PAUSE_S = 0.01
LONGEST_BACK_OFF_S = 10.0
BATCH = 100

log = structlog.get_logger(__name__)

TermsOf = Callable[[AgentName], TurnTerms]
"""Returns how an agent's turns are run; raises `NotFound` for an unknown agent."""


@dataclass(slots=True)
class _Faults:
    """Schedules that could not fire, each reported once per fire time."""

    known: dict[ScheduleId, datetime | None] = field(default_factory=dict)

    def note(self, schedule: Schedule, error: Exception) -> None:
        if self.known.get(schedule.id) != schedule.next_fire_at:
            self.known[schedule.id] = schedule.next_fire_at
            trace = None if isinstance(error, GatewayError) else error
            names = {"schedule": str(schedule.id), "agent": schedule.agent_name}
            if isinstance(error, TooManyRequests):
                log.warning("schedule_fires_later", **names, reason=str(error))
            else:
                log.error("schedule_cannot_fire", **names, error=str(error), exc_info=trace)

    def forget_all_but(self, due: Sequence[Schedule]) -> None:
        ids = {schedule.id for schedule in due}
        self.known = {known: at for known, at in self.known.items() if known in ids}


class Scheduler:
    """Fires due schedules, each fire once however many replicas tick: every replica waits for the next fire that it knows of."""

    def __init__(
        self,
        store: ScheduleStore,
        intake: Intake,
        terms: TermsOf,
        rates: MessageRates,
    ) -> None:
        self._store = store
        self._intake = intake
        self._terms = terms
        self._rates = rates
        self._alarm = Alarm()
        self._faults = _Faults()
        self._runs = Background()

    def expect(self, seconds: float) -> None:
        """A schedule is or may be due in that many seconds: it was created or changed here, or a check has found it."""
        self._alarm.set(seconds)

    async def run(self) -> None:
        """Fires until cancelled; while the database is unavailable, retries ever more rarely, up to every 10 s."""
        failures = 0
        self._alarm.set(0)
        while True:
            await self._alarm.rings()
            try:
                self.expect(await self.tick())
                failures = 0
            except GatewayError as error:
                failures += 1
                pause = min(FIRST_BACK_OFF_S * 2 ** min(failures, 8), LONGEST_BACK_OFF_S)
                log.warning("scheduler_looks_again_later", seconds=pause, error=str(error))
                await asyncio.sleep(pause)
                self.expect(0)

    async def tick(self) -> float:
        """Fires what is due now; returns the seconds until the next known fire. Raises `StoreUnavailable`."""
        # Schedules that cannot fire stay due: without the extra room, a batch of them would keep all others waiting.
        limit = BATCH + len(self._faults.known)
        now, due = await self._store.due(limit)
        self._faults.forget_all_but(due)
        # All are under way together and share commits; each outcome is handled alone.
        for outcome in await asyncio.gather(*(self._fire_alone(one, now) for one in due), return_exceptions=True):
            if outcome is not None:
                raise outcome
        if len(due) == limit:
            return SHORTEST_PAUSE_S
        return _pause(now, await self._store.next_due_at(now))

    async def run_now(self, schedule_id: ScheduleId, user_id: UserId | None) -> Acceptance:
        """Runs a schedule immediately and leaves its next fire as it is; a paused one too.

        Raises `NotFound`, also for an agent that no longer exists.
        """
        schedule = await self._store.get(schedule_id, user_id)
        # A caller who disconnects must not stop the run between its commit and its start.
        return await self._runs.shielded(self._run(schedule))

    async def _run(self, schedule: Schedule) -> Acceptance:
        message = message_of_request(schedule, uuid4())
        accepted = await self._store.run_now(schedule, message, self._terms(schedule.agent_name))
        self._intake.adopt(accepted)
        return accepted

    async def _fire_alone(self, schedule: Schedule, now: datetime) -> None:
        try:
            await self._fire(schedule, now)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one schedule, the others fire
            self._faults.note(schedule, error)

    async def _fire(self, schedule: Schedule, now: datetime) -> None:
        fire = plan(schedule, now)
        if fire is None:
            return
        message, terms = message_of_fire(schedule, fire.at), self._terms(schedule.agent_name)
        # A fire is its owner's message: over the limit, it stays due.
        self._rates.check(schedule.user_id)
        accepted = None
        try:
            accepted = await self._store.fire(schedule, fire.next_fire_at, message, terms)
        finally:
            if accepted is None:
                self._rates.put_back(schedule.user_id)
        if accepted is None:
            return
        log.info("schedule_fired", schedule=str(schedule.id), fire_time=fire.at.isoformat())
        self._intake.adopt(accepted)


def _pause(now: datetime, next_due: datetime | None) -> float:
    """Seconds until the next fire. Schedules that are due and cannot fire wait for the next check."""
    if next_due is None:
        return math.inf
    return max((next_due - now).total_seconds(), SHORTEST_PAUSE_S)
