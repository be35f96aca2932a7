"""Restarts the server when it dies while in use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from storage.embedded.errors import EmbeddedPostgresError
from storage.embedded.locks import holding
from storage.embedded.postmaster import postmaster, was_stopped
from storage.embedded.server import START_S, EmbeddedPostgres

LOOK_S = 0.5
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses before consecutive starts; a server that has lived for the longest of them resets the sequence."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Supervisor:
    """Watches one server for one of its users. If several watch, the gate lets one of them restart it, and the others find it running."""

    server: EmbeddedPostgres
    _starts: int = 0
    _started_at: float = float("-inf")
    _stop_seen: bool = False

    async def run(self) -> None:
        """Checks twice a second, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look()
            except (EmbeddedPostgresError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.error("The embedded PostgreSQL could not be restarted: %s", error)  # noqa: TRY400  the text says it all

    async def _look(self) -> None:
        if postmaster(self.server.layout) is not None:
            self._stop_seen = False
        elif was_stopped(self.server.layout):
            self._tell_of_stop()
        else:
            await self._revive()

    def _tell_of_stop(self) -> None:
        if not self._stop_seen:
            log.warning(
                "The embedded PostgreSQL was stopped by something else. It stays stopped until a turngate command starts it."
            )
        self._stop_seen = True

    async def _revive(self) -> None:
        if time.monotonic() - self._started_at > PAUSES_S[-1]:
            self._starts = 0
        await asyncio.sleep(PAUSES_S[min(self._starts, len(PAUSES_S) - 1)])
        async with holding(self.server.layout.gate_lock, seconds=START_S + 10):
            if postmaster(self.server.layout) is not None or was_stopped(self.server.layout):
                return
            log.error(
                "The embedded PostgreSQL has died and is being restarted; see %s for the reason.",
                self.server.layout.log,
            )
            self._starts += 1
            try:
                await self.server.start()
            finally:
                self._started_at = time.monotonic()
        log.warning("The embedded PostgreSQL is running again.")


@asynccontextmanager
async def supervised(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """While the block runs, a server that dies is restarted; on exit, a restart under way is abandoned."""
    task = asyncio.create_task(Supervisor(server).run(), name="embedded postgres")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
