"""Helpers of these tests."""

import json
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from telegram import Bot, Update

from tests.fakes.bot_api.wire import JsonObject

TOKEN = "777:test-token"
ADA = 5
GROUP = -1_000_000_000_123


async def polled(bot: Bot, offset: int | None = None, timeout: int = 0) -> list[int]:
    """The ids of the updates that one `getUpdates` returns."""
    return [update.update_id for update in await bot.get_updates(offset=offset, timeout=timeout)]


@dataclass(frozen=True, slots=True)
class Control:
    """The control API as another process calls it: status and JSON body."""

    http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, JsonObject]:
        return await self._call("GET", path, None)

    async def post(self, path: str, body: JsonObject | None = None) -> tuple[int, JsonObject]:
        return await self._call("POST", path, body)

    async def delete(self, path: str) -> tuple[int, JsonObject]:
        return await self._call("DELETE", path, None)

    async def _call(self, method: str, path: str, body: JsonObject | None) -> tuple[int, JsonObject]:
        async with self.http.request(method, f"/control/{path}", json=body) as response:
            return response.status, json.loads(await response.text() or "{}")


@dataclass(slots=True)
class Hook:
    """A webhook that responds as planned, otherwise with 200; `refuses` texts whenever they arrive."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    async def receive(self, request: web.Request) -> web.Response:
        update = Update.de_json(await request.json())
        assert update.message is not None
        text = update.message.text or ""
        self.texts.append(text)
        self.secrets.add(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""))
        if text in self.refuses:
            return web.Response(status=500)
        return web.Response(status=self.answers.pop(0) if self.answers else 200)
