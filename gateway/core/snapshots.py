"""Snapshots that make themselves, and restores that are told to whoever follows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from gateway.core.announcer import Announcer
from gateway.core.model import SessionId, UserId
from gateway.core.ports.state import Restored, SnapshotNumber, SnapshotStore
from gateway.core.titling import Titler
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)

LONGEST_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class AutoSnapshots:
    """Saves states after `quiet_s` seconds without a change, at the latest every `every_s` seconds. Any replica may."""

    store: SnapshotStore
    quiet_s: float
    every_s: float

    async def run(self) -> None:
        """Looks until cancelled. What is due stands in the database: nothing is lost with a replica."""
        quiet, every = timedelta(seconds=self.quiet_s), timedelta(seconds=self.every_s)
        pause = min(LONGEST_LOOK_S, self.quiet_s / 2, self.every_s / 2)
        while True:
            await asyncio.sleep(pause)
            try:
                saved = await self.store.save_changed(quiet, every)
            except StoreUnavailable as error:
                log.warning("states_saved_later", reason=str(error))
                continue
            if saved:
                log.debug("states_saved", snapshots=saved)


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores snapshots, and tells those who follow the session what they see differently now."""

    store: SnapshotStore
    announcer: Announcer
    titler: Titler

    async def restore(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None, by: UserId, *, rewind: bool
    ) -> Restored:
        """As `SnapshotStore.restore`."""
        restored = await self.store.restore(session_id, user_id, number, by, rewind=rewind)
        for message in sorted(restored.changed, key=lambda message: message.seq):
            self.announcer.changed(message)
        if restored.session is not None:
            self.announcer.session(restored.session)
            await self.titler.again(restored.session)
        return restored
