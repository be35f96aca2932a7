"""Settings of the Telegram channel at a fake Bot API."""

from __future__ import annotations

from typing import Any

from tests.fakes.bot_api import FakeBotApi


def telegram(bot: FakeBotApi, **given: Any) -> dict[str, Any]:
    """Settings of the channel."""
    return {"token": "42:secret-of-the-bot", "api_url": bot.url, "access": "open", **given}
