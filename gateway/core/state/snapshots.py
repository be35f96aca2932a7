"""Automatic snapshots, and restores that are announced to followers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from gateway.core.live.announcer import Announcer
from gateway.core.model import SessionId, UserId
from gateway.core.ports.sessions.state import Restored, SnapshotNumber, SnapshotStore
from gateway.core.titles.titling import Titler

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AutoSnapshots:
    """Snapshots states after `quiet` without a change, and at the latest after `every`. Any replica may.

    What is due is recorded in the database: nothing is lost with a replica.
    """

    store: SnapshotStore
    quiet: timedelta
    every: timedelta

    async def save(self) -> None:
        """Takes the snapshots that are due. Raises `StoreUnavailable` if some have to be taken later."""
        if saved := await self.store.save_changed(self.quiet, self.every):
            log.debug("states_saved", snapshots=saved)


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores snapshots, and tells followers of the session what changed for them."""

    store: SnapshotStore
    announcer: Announcer
    titler: Titler

    async def restore(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None, by: UserId, *, rewind: bool
    ) -> Restored:
        """See `SnapshotStore.restore`."""
        restored = await self.store.restore(session_id, user_id, number, by, rewind=rewind)
        for message in sorted(restored.changed, key=lambda message: message.seq):
            self.announcer.changed(message)
        if restored.session is not None:
            self.announcer.session(restored.session)
            await self.titler.again(restored.session)
        return restored
