"""The gateway's chores, driven by APScheduler 3: each at its interval, for as long as the gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from gateway.errors import GatewayError

log = structlog.get_logger(__name__)

FIRST_AFTER = timedelta(seconds=5)
JITTER = 0.1
"""Fraction of a chore's interval: replicas that started together drift apart."""


@dataclass(frozen=True, slots=True)
class Chore:
    """A periodic task. Every replica runs it, so running it twice at once must be harmless."""

    name: str
    every: timedelta
    do: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Runs its chores, first soon after the start. A failed one is logged, and tried again the next time."""

    chores: tuple[Chore, ...]
    first_after: timedelta = FIRST_AFTER

    async def run(self) -> None:
        """Works until cancelled."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        for chore in self.chores:
            seconds = chore.every.total_seconds()
            scheduler.add_job(
                partial(_do, chore),
                IntervalTrigger(seconds=seconds, jitter=seconds * JITTER, timezone=UTC),
                name=chore.name,
                next_run_time=datetime.now(UTC) + self.first_after,
                # The loop may be late, or the previous run still at work: neither drops the chore.
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)


async def _do(chore: Chore) -> None:
    try:
        await chore.do()
    except asyncio.CancelledError:
        # The gateway stops; APScheduler would log this as a fault of the chore.
        log.debug("chore_stopped", chore=chore.name)
    except GatewayError as error:
        log.warning("chore_failed", chore=chore.name, reason=str(error), again_s=chore.every.total_seconds())
    except Exception:
        log.exception("chore_failed", chore=chore.name, again_s=chore.every.total_seconds())
