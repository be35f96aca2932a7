"""npm's `telegram-test-api`: a Bot API server for tests of bots.

It hands each update out once, whatever the offset, and doesn't wait: the shelf does both. Untouched: a sent message's `date` is
in milliseconds, its `link_preview_options` are text, `getMe` tells another id than the token's and no `is_bot`, and a method
that it doesn't know (`setMyCommands`, `sendChatAction`) is a 500 without `ok`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests import npm
from tests.counterparts.programs import listening
from tests.counterparts.shelf import shelf

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TelegramTestApi:
    """The running server. `url` is the shim's; people write through the server's own client routes."""

    url: str
    server: str
    token: str
    http: aiohttp.ClientSession

    async def says(self, person: int, text: str) -> None:
        """A person writes in their private chat."""
        chat = {"id": person, "type": "private", "first_name": "Ada"}
        sender = {"id": person, "is_bot": False, "first_name": "Ada"}
        message = {"botToken": self.token, "date": 1_800_000_000, "from": sender, "chat": chat, "text": text}
        async with self.http.post(f"{self.server}/sendMessage", json=message) as response:
            response.raise_for_status()

    async def heard(self, person: int) -> list[str]:
        """The bot's messages to them, oldest first."""
        async with self.http.post(f"{self.server}/getUpdatesHistory", json={"token": self.token}) as response:
            history = (await response.json())["result"]
        return [one["message"]["text"] for one in history if one["message"].get("chat_id") == str(person)]


@asynccontextmanager
async def telegram_test_api(token: str) -> AsyncIterator[TelegramTestApi]:
    """Starts a server on a free port."""
    await asyncio.to_thread(npm.install, HERE)
    async with (
        listening("node", str(HERE / "server.mjs"), folder=HERE) as server,
        shelf(server, lambda updates: updates) as url,
        aiohttp.ClientSession() as http,
    ):
        yield TelegramTestApi(url, server, token, http)
