"""Optional calls: a server that lacks one loses only that feature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, Forbidden, RetryAfter, TelegramError

from channels.telegram.bot_api.fence import Fenced
from gateway.log import redact

COSTS: Final = {
    "deleteWebhook": "a webhook that was set for this bot stays in place, and polling cannot start until it is removed",
    "setMyCommands": "Telegram shows no menu of commands",
    "sendChatAction": "people do not see that an answer is being written",
}
"""The optional methods, and what is missing without each."""
_ABOUT_ONE_CHAT = (BadRequest, ChatMigrated, Forbidden, RetryAfter)
"""Refusals of `sendChatAction` that say nothing about the server: its messages to that chat get them, too."""


class OptionalCalls:
    """Tries optional methods: failures are logged once, and a method that the server lacks is not tried again."""

    def __init__(self) -> None:
        self._missing: set[str] = set()
        self._logged: set[str] = set()
        self._log = structlog.get_logger()

    async def attempt(self, method: str, call: Callable[[], Awaitable[object]]) -> None:
        """Makes the call; never raises `TelegramError`. `method` is one of `COSTS`."""
        if method in self._missing:
            return
        try:
            await call()
        except TelegramError as error:
            if isinstance(error, EndPointNotFound):
                self._missing.add(method)
            if not isinstance(error.__cause__, Fenced):  # it was never sent
                self._note(method, error)
        else:
            self._logged.discard(method)

    def _note(self, method: str, error: TelegramError) -> None:
        if method == "sendChatAction" and isinstance(error, _ABOUT_ONE_CHAT):
            return
        if method not in self._logged:
            self._logged.add(method)
            why = redact(str(error))
            self._log.warning("telegram_optional_call_failed", method=method, error=why, costs=COSTS[method])
