"""The pause after an answer that leaves open whether a message arrived."""

from __future__ import annotations

import asyncio
import time

import structlog
from telegram.error import BadRequest, NetworkError, TelegramError

from channels.telegram.backoff import Backoff
from channels.telegram.bot_api.calls import BotApi
from gateway.log import redact


class Recovery:
    """Lets nothing leave while nobody knows whether the server answers.

    A chunk of unknown fate is sent once more and not again, so that one sending has to find a server that works. `getMe`
    changes nothing, and may be called until it is answered. After `longest` seconds without an answer chunks leave all the
    same, so that a server that is odd about `getMe` alone holds up nobody for good.
    """

    def __init__(self, api: BotApi, longest: float = 600.0) -> None:
        self._api = api
        self._longest = longest
        self._doubted_at = 0.0
        self._in_doubt = False
        self._asking = asyncio.Lock()
        self._backoff = Backoff()
        self._log = structlog.get_logger()

    def doubt(self) -> None:
        """An answer was lost, or could not be read."""
        if not self._in_doubt:
            self._doubted_at = time.monotonic()
        self._in_doubt = True

    async def wait(self) -> None:
        """Returns at once without a doubt, else when the server has answered; callers share the asking."""
        while self._in_doubt:
            async with self._asking:
                await self._ask()

    async def _ask(self) -> None:
        if not self._in_doubt:  # another caller has heard the answer
            return
        if await self._answers() or time.monotonic() - self._doubted_at > self._longest:
            self._in_doubt = False
            self._backoff.reset()
        else:
            await asyncio.sleep(self._backoff.next())

    async def _answers(self) -> bool:
        try:
            await self._api.identity()
        except TelegramError as error:
            # A refusal is an answer, too.
            answered = isinstance(error, BadRequest) or not isinstance(error, NetworkError)
            if not answered:
                self._log.debug("telegram_server_silent", error=redact(str(error)))
            return answered
        return True
