"""Identifies visitors: their sessions become the user's, and their tokens are no longer valid."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial

import structlog

from gateway.core.live.end_listeners import Callback, EndListeners
from gateway.core.model import UserId
from gateway.core.ports.users.visitors import VisitorStore

log = structlog.get_logger(__name__)

REMEMBER_S = 3.0
"""Seconds for which a visitor is remembered as not identified."""
REMEMBER_MOST = 10_000


class Visitors:
    """Identifies visitors, and notifies their open connections."""

    def __init__(self, store: VisitorStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._anonymous_until: dict[UserId, float] = {}
        self._end_listeners: EndListeners[UserId] = EndListeners()

    async def identify(self, visitor: UserId, user_id: UserId) -> int:
        """Gives the visitor's sessions to the user; returns how many. May be repeated.

        Raises `Conflict` while an answer is being written in one of them, or if the visitor was identified as another user.
        """
        sessions = await self._store.identify(visitor, user_id)
        self._retire(visitor)
        log.info("visitor_identified", user_id=user_id, sessions=sessions)
        return sessions

    async def is_anonymous(self, visitor: UserId) -> bool:
        """Whether the visitor is not identified; replicas other than the one that identified it learn of it seconds later."""
        if self._anonymous_until.get(visitor, 0.0) > self._clock():
            return True
        if await self._store.identified((visitor,)):
            return False
        if len(self._anonymous_until) >= REMEMBER_MOST:
            self._anonymous_until.clear()
        self._anonymous_until[visitor] = self._clock() + REMEMBER_S
        return True

    def on_identified(self, visitor: UserId, identified: Callback) -> Callable[[], None]:
        """Calls `identified`, which must not block, once the visitor is identified; returns a function that removes the callback."""
        self._end_listeners.add(visitor, identified)
        return partial(self._end_listeners.remove, visitor, identified)

    @property
    def watched(self) -> tuple[UserId, ...]:
        """Visitors with an open socket here."""
        return self._end_listeners.keys()

    def identified(self, visitors: Collection[UserId]) -> None:
        """Handles visitors identified on another replica."""
        for visitor in visitors:
            self._retire(visitor)

    def _retire(self, visitor: UserId) -> None:
        self._anonymous_until.pop(visitor, None)
        self._end_listeners.notify(visitor)
