"""Work that runs when somebody calls for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.errors import GatewayError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Does its work each time it is called; a call during the work causes another run after it.

    Failures are logged. The caller sees that there is still something to do, and calls again.
    """

    name: str
    do: Callable[[], Awaitable[object]]
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def call(self) -> None:
        """Requests a run without waiting for it."""
        self._called.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            await self._work()

    async def _work(self) -> None:
        try:
            await self.do()
        except GatewayError as error:
            log.warning("chore_failed", chore=self.name, reason=str(error))
        except Exception:
            log.exception("chore_failed", chore=self.name)


def call_each(**calls: Callable[[], None]) -> None:
    """Makes all calls in order; a call that fails is logged by name and does not prevent the others."""
    for name, call in calls.items():
        try:
            call()
        except Exception:
            log.exception("call_failed", call=name)
