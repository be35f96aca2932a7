"""Whether this gateway may acknowledge messages, and what it still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.api.parts import Check, Readiness
from gateway.core.networks import Network
from gateway.core.turns.pulse import Heartbeat
from gateway.errors import StoreUnavailable
from storage.database import Database

PATIENCE_S = 2.0


class Health:
    """Starting, serving or draining; and the state of the parts."""

    def __init__(self, database: Database, heartbeat: Heartbeat) -> None:
        self._database = database
        self._heartbeat = heartbeat
        self._networks: Sequence[Network] = ()
        self.migrated = False
        self.draining = False

    def watch(self, networks: Sequence[Network]) -> None:
        """Sets the networks whose state counts."""
        self._networks = networks

    def accepting(self) -> bool:
        """Whether messages may be accepted: the schema is there, the lease is ours, and nobody asked us to stop."""
        return self.migrated and not self.draining and self._heartbeat.alive()

    async def readiness(self) -> Readiness:
        """Checks every condition anew."""
        return Readiness(
            (
                await self._database_check(),
                Check("migrated", self.migrated, "" if self.migrated else "Migrations have not been applied yet."),
                Check("lease", self._heartbeat.alive(), "" if self._heartbeat.alive() else "No recent heartbeat."),
                Check("serving", not self.draining, "The gateway is stopping." if self.draining else ""),
                *map(_network_check, self._networks),
            )
        )

    async def _database_check(self) -> Check:
        try:
            # Probes have little patience, and a database that hangs would keep them waiting.
            async with asyncio.timeout(PATIENCE_S):
                await self._database.check()
        except StoreUnavailable as error:
            return Check("database", ok=False, detail=str(error))
        except TimeoutError:
            return Check("database", ok=False, detail=f"The database has not answered within {PATIENCE_S:.0f} s.")
        return Check("database", ok=True)


def _network_check(network: Network) -> Check:
    try:
        status = network.status
    except Exception as error:  # noqa: BLE001 - a package's fault; readiness reports it
        return Check(
            network.name, ok=False, detail=f"asking for its status failed with {type(error).__name__}: {error}"
        )
    return Check(network.name, status.state in {"ready", "standby"}, status.detail)
