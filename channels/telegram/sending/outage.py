"""Whether the server takes no messages at all, for the channel's status."""

from __future__ import annotations

import time

from telegram.error import BadRequest, EndPointNotFound, InvalidToken, NetworkError, TelegramError

from channels.telegram.bot_api.answers import NotServed

_NOT_TAKEN = (EndPointNotFound, InvalidToken, NotServed)
_LASTS_S = 150.0
"""Longer than the minute between two tries. Without it, an outage would never end once nothing is left to send."""


class Outage:
    """What the latest calls of sendMessage say."""

    def __init__(self, lasts: float = _LASTS_S) -> None:
        self._lasts = lasts
        self._reason = ""
        self._seen_at = 0.0

    @property
    def reason(self) -> str:
        """Why no message is taken now, and what to do about it; nothing when messages are taken."""
        return self._reason if time.monotonic() - self._seen_at < self._lasts else ""

    def note(self, error: TelegramError, reason: str) -> None:
        """A failed call. One that may not have been answered says nothing."""
        if isinstance(error, _NOT_TAKEN):
            self._reason, self._seen_at = reason, time.monotonic()
        elif isinstance(error, BadRequest) or not isinstance(error, NetworkError):
            self.end()

    def end(self) -> None:
        """A message was taken."""
        self._reason = ""
