"""Keeps the search index up to date, outside the path of messages."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from gateway.core.measuring.metrics import INDEX_REFUSED, INDEXED
from gateway.core.ports.sessions.word_index import Indexed, IndexedSession, Look, Progress, Reach, WordIndex
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)

MOST = 2_000
"""Messages per statement, as long as it takes no longer than `TARGET_S`."""
TARGET_S = 0.5
"""An edit waits at most this long for the index of its session."""
SESSIONS = 500
"""Sessions per statement."""


IDLE, STANDBY, SOON = 5, 10, 0.1
"""Factors of `every_s`: between checks while nothing new is said, while another replica indexes, and while there is more to do."""
OVERLAP = timedelta(seconds=5)
"""How far a check reaches back before the previous one."""
THOROUGH_S = 60.0
"""Seconds between thorough checks, …"""
THOROUGH_OVERLAP = timedelta(minutes=2)
"""… which reach back this far: longer than the interval plus the longest transaction."""
SWEEP = 1_000
"""Sessions that a thorough check takes from the pass over all sessions."""


class Indexer:
    """Indexes in bulk. Every replica has an indexer: one of them works, and another takes over when that replica dies."""

    def __init__(self, index: WordIndex, every_s: float) -> None:
        self._index = index
        self._every_s = every_s
        self._progress = Progress()
        self._left: dict[IndexedSession, datetime | None] = {}
        self._first_round = False
        self._thorough_at = float("-inf")
        self._most = MOST

    async def run(self) -> None:
        """Works until cancelled. While the database is unavailable nothing is lost: the rows to index wait there."""
        pause_s = self._every_s
        while True:
            await asyncio.sleep(pause_s * (0.9 + random.random() / 5))  # noqa: S311 - only to spread the replicas
            try:
                pause_s = self._pause(await self.work(), pause_s)
            except StoreUnavailable as error:
                log.warning("indexing_later", reason=str(error))
                self._most = max(1, self._most // 4)
                pause_s = self._every_s * IDLE

    async def work(self) -> Look | None:
        """Checks once and indexes all it found. None: another replica indexes."""
        thorough = time.monotonic() >= self._thorough_at
        look = await self._index.look(self._progress, self._reach(thorough=thorough))
        if look is None:
            self._progress, self._left, self._thorough_at = Progress(), {}, float("-inf")
            return None
        if thorough:
            self._thorough_at = time.monotonic() + THOROUGH_S
        self._note(look, await self._enter(look.sessions))
        return look

    def _reach(self, *, thorough: bool) -> Reach:
        overlap = THOROUGH_OVERLAP if thorough else OVERLAP
        return Reach(overlap, SWEEP if thorough or self._first_round else 0)

    async def _enter(self, sessions: Sequence[IndexedSession]) -> Sequence[IndexedSession]:
        """Indexes the sessions that are not locked; returns the others."""
        left: list[IndexedSession] = []
        for start in range(0, len(sessions), SESSIONS):
            todo: Sequence[IndexedSession] = sessions[start : start + SESSIONS]
            while todo:
                indexed = await self._batch(todo)
                todo = indexed.remaining
                if not indexed.messages:
                    break
            left += todo
        return left

    async def _batch(self, sessions: Sequence[IndexedSession]) -> Indexed:
        begun = time.monotonic()
        indexed = await self._index.index(sessions, self._most)
        took_s = time.monotonic() - begun
        if took_s > TARGET_S:
            self._most = max(1, self._most // 2)
        elif took_s < TARGET_S / 3:
            self._most = min(MOST, self._most * 2)
        INDEXED.inc(indexed.messages)
        for message in indexed.refused:
            INDEX_REFUSED.inc()
            log.warning("message_not_searchable", message=message)
        return indexed

    def _note(self, look: Look, left: Sequence[IndexedSession]) -> None:
        """Remembers what the next check may skip."""
        self._first_round = look.first_round
        self._left = {session: self._left.get(session, self._progress.looked) for session in left}
        if look.more:
            return
        since = list(self._left.values())
        looked = look.at if not since else None if None in since else min(at for at in since if at is not None)
        self._progress = Progress(looked, self._progress.swept if left else look.swept or self._progress.swept)

    def _pause(self, look: Look | None, before_s: float) -> float:
        """Seconds until the next check."""
        if look is None:
            return self._every_s * STANDBY
        if look.more or look.first_round:
            return self._every_s * SOON
        if look.sessions:
            return self._every_s
        return min(self._every_s * IDLE, max(before_s, self._every_s) * 2)
