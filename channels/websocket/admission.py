"""Limits how many sockets say hello, or read missed rows, at the same time: thousands come back after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channels.websocket.faults import TOO_SLOW, HangUp
from gateway.core.limits.fair_slots import FairSlots
from gateway.core.limits.shares import Claim, Shares
from gateway.core.model import UserId
from gateway.errors import StoreUnavailable

HELLOS = 16
READS = 8
"""A new message waits behind this many reads for a database connection, not behind thousands."""
OPERATORS = ""
"""No user has this id."""
PATIENCE_S = 5.0
"""Seconds a hello may wait; clients give up after ten."""


class Admission:
    """Admits hellos in order of arrival; of the readers, the one that reads least is next."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._hellos = asyncio.Semaphore(HELLOS)
        self._reads = FairSlots(Shares(READS))

    @property
    def is_full(self) -> bool:
        """Whether a new hello would have to wait."""
        return self._hellos.locked()

    @asynccontextmanager
    async def entering(self) -> AsyncIterator[None]:
        """Waits for its turn. Raises `HangUp` with 1013 if that takes too long: reconnecting later is better."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._hellos.acquire()
        except TimeoutError:
            raise overloaded() from None
        try:
            yield
        finally:
            self._hellos.release()

    @asynccontextmanager
    async def reading(self, reader: UserId | None) -> AsyncIterator[None]:
        """Waits for its turn to read; a user's own reads make no other user wait. None: an operator's."""
        async with self._reads.held(Claim(reader or OPERATORS)):
            yield


def overloaded() -> HangUp:
    """The close when too many others connect at the same time."""
    return HangUp(TOO_SLOW, StoreUnavailable("Too many clients are connecting right now. Reconnect in a few seconds."))
