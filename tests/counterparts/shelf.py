"""A shim in front of a Bot API server that doesn't keep updates until they are confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

Update = dict[str, Any]
LOOK_EVERY_S = 0.05


@dataclass
class Shelf:
    """Forwards every call except `getUpdates`: updates from the server are kept until a higher offset confirms them.

    That is what Telegram does (Bot API, getUpdates), and what no gateway could make good. `new_ones` picks from an answer
    of the server the updates that were not in an earlier one. A call waits for updates up to its `timeout` in seconds.
    """

    upstream: str
    new_ones: Callable[[list[Update]], list[Update]]
    http: aiohttp.ClientSession
    kept: list[Update] = field(default_factory=list)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/bot{token:[^/]+}/getUpdates", self._updates)
        app.router.add_route("*", "/{path:.*}", self._forward)

    async def _updates(self, request: web.Request) -> web.Response:
        asked = {**request.query, **await request.post()}
        offset, timeout = int(str(asked.get("offset", 0))), int(str(asked.get("timeout", 0)))
        self.kept = [update for update in self.kept if update["update_id"] >= offset]
        try:
            async with asyncio.timeout(timeout):
                while not self.kept:
                    # Shielded: what the server has handed out it will not hand out again.
                    await asyncio.shield(asyncio.create_task(self._fetch(request.path)))
                    await asyncio.sleep(0 if self.kept else LOOK_EVERY_S)
        except TimeoutError:
            pass
        return web.json_response({"ok": True, "result": self.kept})

    async def _fetch(self, path: str) -> None:
        async with self.http.post(self.upstream + path) as response:
            self.kept += self.new_ones((await response.json())["result"])

    async def _forward(self, request: web.Request) -> web.Response:
        sent = self.http.request(
            request.method,
            self.upstream + request.path_qs,
            data=await request.read(),
            headers={"Content-Type": request.headers.get("Content-Type", "")},
            allow_redirects=False,
        )
        async with sent as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


@asynccontextmanager
async def shelf(upstream: str, new_ones: Callable[[list[Update]], list[Update]]) -> AsyncIterator[str]:
    """The URL of a running shim in front of `upstream`."""
    app = web.Application()
    async with aiohttp.ClientSession() as http:
        Shelf(upstream, new_ones, http).add_routes(app)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{site.port}"
        finally:
            await runner.cleanup()
