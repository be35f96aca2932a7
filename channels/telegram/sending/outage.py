"""Detects whether the server accepts no messages at all, for the channel's status."""

from __future__ import annotations

import time

from telegram.error import BadRequest, EndPointNotFound, InvalidToken, NetworkError, TelegramError

from channels.telegram.bot_api.answers import NotServed

_NOT_TAKEN = (EndPointNotFound, InvalidToken, NotServed)
_LASTS_S = 150.0
"""Seconds, longer than the minute between two tries. Otherwise an outage would never end once nothing is left to send."""


class Outage:
    """What the latest sendMessage calls show."""

    def __init__(self, lasts: float = _LASTS_S) -> None:
        self._lasts = lasts
        self._reason = ""
        self._seen_at = 0.0

    @property
    def reason(self) -> str:
        """Why no message is accepted now, and what to do about it; empty if messages are accepted."""
        return self._reason if time.monotonic() - self._seen_at < self._lasts else ""

    def note(self, error: TelegramError, reason: str) -> None:
        """Records a failed call. One that may not have been answered shows nothing."""
        if isinstance(error, _NOT_TAKEN):
            self._reason, self._seen_at = reason, time.monotonic()
        elif isinstance(error, BadRequest) or not isinstance(error, NetworkError):
            self.end()

    def end(self) -> None:
        """A message was accepted."""
        self._reason = ""
