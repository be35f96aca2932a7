"""Adds up the log of usage, soon after turns that wrote to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.core.ports.usage import UsageStore

AT_A_TIME = 5_000
"""Entries per transaction."""
PAUSE_S = 2.0
"""Seconds in which more turns may end."""


@dataclass(frozen=True, slots=True)
class AddingUp:
    """The work of adding up. Whenever it happens, nothing that is reported or checked depends on it."""

    usage: UsageStore
    pause_s: float = PAUSE_S

    async def work(self) -> None:
        """Waits for more turns, then adds up everything there is. Raises `StoreUnavailable`."""
        await asyncio.sleep(self.pause_s)
        while await self.usage.add_up(AT_A_TIME) == AT_A_TIME:
            pass
