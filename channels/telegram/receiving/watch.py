"""At most one replica polls a bot: the holder of its lease, which is checked before every call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog
from telegram.error import EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from channels.telegram.backoff import Backoff
from channels.telegram.bot_api.failures import seconds
from channels.telegram.receiving.poller import Poller
from gateway.core.networks import ChannelState
from gateway.core.ports.channels import PollLeases
from gateway.errors import StoreUnavailable
from gateway.log import redact

_LOOK_EVERY_S = 2.0
_GIVE_UP_WITHIN_S = 1.0
_STANDBY = "this replica does not hold the bot's lease"


class Watch:
    """Polls while this replica holds the bot's lease, stands by otherwise, and waits while the lease is unknown.

    A getUpdates call confirms what was settled before it, so none is made without the lease. `report` receives the current
    state in words.
    """

    def __init__(
        self, account: str, leases: PollLeases, poller: Poller, report: Callable[[ChannelState, str], None]
    ) -> None:
        self._account = account
        self._leases = leases
        self._poller = poller
        self._report = report
        self._elected = False
        self._trouble = ""
        self._backoff = Backoff(longest=8.0)
        self._log = structlog.get_logger().bind(account=account)

    async def run(self) -> None:
        """Runs until cancelled, which confirms nothing, then gives the lease up. Raises errors that show that the token is wrong."""
        try:
            while True:
                pause = await self._step()
                await asyncio.sleep(pause)
        finally:
            await self._give_up()

    async def _step(self) -> float:
        """Checks the lease and makes one call to Telegram if allowed; returns the seconds to pause."""
        try:
            if not await self._leases.hold(self._account):
                return self._stand_by()
            await self._poller.prepare()
            self._take_office()
            pause = await self._poller.fetch()
        except (InvalidToken, EndPointNotFound):
            raise
        except (TelegramError, StoreUnavailable) as error:
            return self._note_trouble(error)
        self._note_recovery()
        return pause

    def _take_office(self) -> None:
        if not self._elected:
            self._elected = True
            self._log.info("telegram_poller_elected")
            self._report("ready", "polling")

    def _stand_by(self) -> float:
        if self._elected:
            self._elected = False
            self._poller.reset()
            self._log.warning("telegram_poller_replaced", why="another replica holds the lease")
        self._trouble = ""
        self._backoff.reset()
        self._report("standby", _STANDBY)
        return _LOOK_EVERY_S * random.uniform(0.75, 1.25)  # noqa: S311 - only spreads the replicas

    def _note_trouble(self, error: TelegramError | StoreUnavailable) -> float:
        text = redact(str(error))
        if self._trouble != type(error).__name__:
            self._trouble = type(error).__name__
            self._log.warning("telegram_polling_interrupted", trouble=self._trouble, error=text)
            self._report("ready" if self._elected else "standby", f"polling is interrupted: {text}")
        pause = self._backoff.next()
        return max(pause, seconds(error)) if isinstance(error, RetryAfter) else pause

    def _note_recovery(self) -> None:
        if self._trouble:
            self._log.info("telegram_polling_resumed", after=self._trouble)
            self._trouble = ""
            self._report("ready", "polling")
            self._backoff.reset()

    async def _give_up(self) -> None:
        try:
            async with asyncio.timeout(_GIVE_UP_WITHIN_S):
                await self._leases.give_up(self._account)
        except (StoreUnavailable, TimeoutError):
            self._log.info("telegram_lease_left", why="the database is unavailable; the lease will expire on its own")
