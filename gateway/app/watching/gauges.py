"""Gauges for `/metrics` that are refreshed on request, every few seconds at most."""

from __future__ import annotations

import asyncio
import math
import time

import storage.replicas.backlog
from gateway.core.measuring.metrics import INDEX_LAG, OUTBOX_OLDEST, OUTBOX_UNSENT, POOL, QUEUE_OLDEST, QUEUED
from gateway.errors import StoreUnavailable
from storage.database import Database

FRESH_S = 5.0
PATIENCE_S = 1.0
UNKNOWN = storage.replicas.backlog.Backlog(0, math.nan, 0, math.nan, math.nan)


class Gauges:
    """Sets the gauges that nothing else keeps up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._until = float("-inf")

    async def refresh(self) -> None:
        """Costs one query every five seconds, however many requests come; ages are NaN while the database does not respond."""
        for name, size, idle in self._database.usage():
            POOL.labels(name, "used").set(size - idle)
            POOL.labels(name, "idle").set(idle)
        now = time.monotonic()
        if now < self._until:
            return
        self._until = now + FRESH_S
        backlog = await self._backlog()
        OUTBOX_UNSENT.set(backlog.unsent)
        OUTBOX_OLDEST.set(backlog.unsent_s)
        QUEUED.set(backlog.queued)
        QUEUE_OLDEST.set(backlog.queued_s)
        INDEX_LAG.set(backlog.unindexed_s)

    async def _backlog(self) -> storage.replicas.backlog.Backlog:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await storage.replicas.backlog.measure(self._database)
        except (StoreUnavailable, TimeoutError):
            return UNKNOWN
