"""Erases everything stored about a user, in bounded steps that can be interrupted and repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import get_args

import structlog

from gateway.core.model import SessionId, TurnId, UserId
from gateway.core.ports.sessions.sessions import SessionStore
from gateway.core.ports.users.erasure import Content, ErasureRequest, ErasureStore, UserData
from gateway.errors import ErasureOver, NotFound

log = structlog.get_logger(__name__)

BEFORE: tuple[UserData, ...] = (
    "schedules",
    "links",
    "link_codes",
    "sign_in_codes",
    "identified_visitors",
)
"""What could create new messages is removed first …"""
AFTER: tuple[UserData, ...] = ("identified_visitors", "routes", "usage_log", "usage_days", "budget_days")
"""… and last what turns write that end in the meantime. Usage moves from its log to its sums, so it is removed in that order."""
CONTENTS: tuple[Content, ...] = get_args(Content)


@dataclass(frozen=True, slots=True)
class Erasure:
    """`cancel`: asks an open turn to end. `remove`: removes a session with the rest of its rows."""

    store: ErasureStore
    sessions: SessionStore
    cancel: Callable[[TurnId, UserId], Awaitable[object]]
    remove: Callable[[SessionId, UserId], Awaitable[object]]

    async def begin(self, user_id: UserId) -> None:
        """Ends the user's API tokens and keeps out anything new of the user. From then on, any gateway finishes the erasure.

        Raises `StoreUnavailable`; nothing was done then.
        """
        await self.store.begin(user_id)
        log.info("erasure_begun")

    async def finish(self, user_id: UserId, progress: Callable[[int, int], None] | None = None) -> None:
        """Leaves no row of the user. `progress` receives how many of how many sessions are removed. Raises `StoreUnavailable`.

        If another caller has finished first, leaves alone what was created after that.
        """
        request = await self.store.take(user_id)
        if request is None:
            return
        with suppress(ErasureOver):
            await self._clear(BEFORE, request)
            await self._sessions(request, progress)
            await self._clear(AFTER, request)
            await self.store.finish(request)
            log.info("user_erased")

    async def take_over(self) -> None:
        """Finishes erasures that others started and left. A failed one is logged, and taken over again later."""
        for user_id in await self.store.take_over():
            try:
                await self.finish(user_id)
            except Exception:
                log.exception("erasure_failed")

    async def _clear(self, tables: Sequence[UserData], request: ErasureRequest) -> None:
        for table in tables:
            while await self.store.clear(table, request):
                pass

    async def _sessions(self, request: ErasureRequest, progress: Callable[[int, int], None] | None) -> None:
        # This loop ends: nobody adds sessions any more.
        while ids := await self.store.session_ids(request):
            for count, session_id in enumerate(ids, 1):
                await self._session(session_id, request)
                if progress is not None:
                    progress(count, len(ids))

    async def _session(self, session_id: SessionId, request: ErasureRequest) -> None:
        with suppress(NotFound):
            for turn in await self.sessions.open_turns(session_id, request.user_id):
                with suppress(NotFound):
                    await self.cancel(turn.turn_id, request.user_id)
            for content in CONTENTS:
                while await self.store.clear_session(content, session_id, request):
                    pass
            await self.remove(session_id, request.user_id)
