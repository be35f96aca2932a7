"""The pause after a sending whose outcome is unknown."""

from __future__ import annotations

import asyncio
import time

import structlog
from telegram.error import BadRequest, NetworkError, TelegramError

from channels.telegram.backoff import Backoff
from channels.telegram.bot_api.calls import BotApi
from gateway.log import redact


class Recovery:
    """Sends nothing while it is unknown whether the server responds.

    A chunk with an unknown outcome is sent once more and not again, so that one sending has to reach a working server. `getMe`
    changes nothing, and may be repeated until it is answered. After `longest` seconds without an answer, chunks are sent
    all the same, so that a server that only fails at `getMe` does not block everything for good.
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
        """A response was lost, or could not be parsed."""
        if not self._in_doubt:
            self._doubted_at = time.monotonic()
        self._in_doubt = True

    async def wait(self) -> None:
        """Returns at once if there is no doubt, otherwise when the server has responded; callers share the calls."""
        while self._in_doubt:
            async with self._asking:
                await self._ask()

    async def _ask(self) -> None:
        if not self._in_doubt:  # another caller has received the response
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
            # A refusal is a response, too.
            answered = isinstance(error, BadRequest) or not isinstance(error, NetworkError)
            if not answered:
                self._log.debug("telegram_server_silent", error=redact(str(error)))
            return answered
        return True
