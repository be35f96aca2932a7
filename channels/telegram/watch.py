"""At most one replica polls a bot: the one that holds its lease."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from channels.telegram.poller import Poller
from gateway.core.ports.channels import PollLeases
from gateway.errors import StoreUnavailable

_LOOK_EVERY_S = 2.0
_GIVE_UP_WITHIN_S = 1.0


class Watch:
    """Lets a poller run while this replica holds the bot's lease; stands by otherwise."""

    def __init__(self, account: str, leases: PollLeases, poller: Poller, on_standby: Callable[[], None]) -> None:
        self._account = account
        self._leases = leases
        self._poller = poller
        self._on_standby = on_standby
        self._store_away = False
        self._log = structlog.get_logger().bind(account=account)

    async def run(self) -> None:
        """Runs until cancelled, then gives the lease up. Raises what the poller raises."""
        while True:
            if await self._holds():
                await self._poll_while_held()
            self._on_standby()
            await self._pause()

    async def _poll_while_held(self) -> None:
        self._log.info("telegram_poller_elected")
        polling = asyncio.create_task(self._poller.run())
        renewing = asyncio.create_task(self._until_lost())
        try:
            done, _ = await asyncio.wait({polling, renewing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._log.warning("telegram_poller_replaced", why="another replica holds the lease")
        finally:
            await _end(polling, renewing)
            await self._give_up()

    async def _until_lost(self) -> None:
        """While the store is away nobody else can take the lease either."""
        held = True
        while held:
            await self._pause()
            held = await self._holds(unknown=True)

    async def _holds(self, *, unknown: bool = False) -> bool:
        try:
            held = await self._leases.hold(self._account)
        except StoreUnavailable as error:
            if not self._store_away:
                self._log.warning("telegram_lease_unknown", error=str(error))
            self._store_away = True
            return unknown
        self._store_away = False
        return held

    async def _pause(self) -> None:
        await asyncio.sleep(_LOOK_EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 - only spreads the replicas

    async def _give_up(self) -> None:
        try:
            async with asyncio.timeout(_GIVE_UP_WITHIN_S):
                await self._leases.give_up(self._account)
        except (StoreUnavailable, TimeoutError):
            self._log.info("telegram_lease_left", why="the database is away; the lease runs out by itself")


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
