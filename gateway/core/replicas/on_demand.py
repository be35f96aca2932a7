"""Work that is done when somebody says that there is some."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from gateway.errors import GatewayError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Does its work each time it is called; a call that comes during the work is answered after it.

    Work that fails is logged. Whoever called it sees that there is still something to do, and calls again.
    """

    name: str
    do: Callable[[], Awaitable[object]]
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def call(self) -> None:
        """There may be something to do; does not wait for it."""
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
    """Makes all of the calls, in order; one that fails is logged by its name and keeps none of the others from being made."""
    for name, call in calls.items():
        try:
            call()
        except Exception:
            log.exception("call_failed", call=name)
