"""Visitors who are identified: their sessions become the user's, and their tokens are good for nothing any more."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

import structlog

from gateway.core.model import UserId
from gateway.core.ports.visitors import VisitorStore
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)

REMEMBER_S = 3.0
"""Seconds for which a visitor nobody has identified is believed to be one …"""
LOOK_EVERY_S = 2.0
"""… and between looks for those with an open socket here."""
REMEMBER_MOST = 10_000

Told = Callable[[], None]


class Visitors:
    """Identifies visitors, and tells whoever serves one that it is over."""

    def __init__(self, store: VisitorStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._anonymous_until: dict[UserId, float] = {}
        self._served: defaultdict[UserId, set[Told]] = defaultdict(set)

    async def identify(self, visitor: UserId, user_id: UserId) -> int:
        """The visitor's sessions are the user's from now on; how many. May be repeated.

        Raises `Conflict` while an answer is being written in one of them, or when the visitor is somebody else already.
        """
        sessions = await self._store.identify(visitor, user_id)
        self._retire(visitor)
        log.info("visitor_identified", user_id=user_id, sessions=sessions)
        return sessions

    async def is_anonymous(self, visitor: UserId) -> bool:
        """Whether the visitor is nobody else yet; on other replicas than the one that identified it, seconds later."""
        if self._anonymous_until.get(visitor, 0.0) > self._clock():
            return True
        if await self._store.identified((visitor,)):
            return False
        if len(self._anonymous_until) >= REMEMBER_MOST:
            self._anonymous_until.clear()
        self._anonymous_until[visitor] = self._clock() + REMEMBER_S
        return True

    def serve(self, visitor: UserId, identified: Told) -> Callable[[], None]:
        """Calls `identified`, which must not block, once the visitor is somebody; the answer forgets about it."""
        self._served[visitor].add(identified)

        def forget() -> None:
            self._served[visitor].discard(identified)
            if not self._served[visitor]:
                del self._served[visitor]

        return forget

    async def run(self) -> None:
        """Learns of visitors with an open socket here who were identified elsewhere; one query for all of them."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._served:
                await self._look()

    async def _look(self) -> None:
        try:
            identified = await self._store.identified(tuple(self._served))
        except StoreUnavailable as error:
            log.debug("visitors_not_looked_up", reason=str(error))
            return
        for visitor in identified:
            self._retire(visitor)

    def _retire(self, visitor: UserId) -> None:
        self._anonymous_until.pop(visitor, None)
        for identified in tuple(self._served.get(visitor, ())):
            identified()
