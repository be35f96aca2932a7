"""The bot's identity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The bot account of a token; `username` without the @."""

    bot_id: int
    username: str
