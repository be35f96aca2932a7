"""Linking a Telegram account with a code."""

from __future__ import annotations

from typing import Any

from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import TOKEN
from tests.world import eventually


def settings(fake: FakeBotApi, access: str = "linked", **given: Any) -> dict[str, Any]:
    """Settings of the channel."""
    return {"token": TOKEN, "api_url": fake.url, "access": access, **given}


async def told(fake: FakeBotApi, chat: int, text: str, **options: Any) -> str:
    """The bot's next reply in that chat."""
    fake.says(chat, text, **options)
    return (await fake.hears(chat, within=20))[0].text


async def a_code(person: Any) -> Any:
    """A new code, once the bot is known."""

    async def made() -> Any:
        status, body = await person.calls("POST", "/api/links/telegram")
        return body if status == 201 else None

    return await eventually(made)
