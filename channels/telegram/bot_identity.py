"""Who the bot is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The account that a token stands for; `username` without the @."""

    bot_id: int
    username: str
