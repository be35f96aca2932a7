"""A third party's website that embeds the widget with one tag and has loud styles of its own."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Fernweh Cycles</title>
{style}
<script>window.namesBefore = Object.getOwnPropertyNames(window);</script>
</head>
<body>
{body}
<script src="{gateway}/widget.js" {attributes}></script>
</body>
</html>
"""
LOUD = """<style>
  * { color: rgb(255, 0, 0) !important; font-size: 40px !important; text-transform: uppercase !important; }
  div, button, section, textarea { border: 9px dotted rgb(255, 0, 0) !important; position: static !important; }
  body { line-height: 4; letter-spacing: 1em; text-align: right; }
</style>"""
PLAIN = """<h1>Fernweh Cycles</h1>
<button type="button" onclick="this.dataset.pressed = 'yes'">Add to cart</button>"""


class HostPage:
    """A server of one page, reachable under two names, which browsers treat as two origins."""

    def __init__(self) -> None:
        self._page = ""
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        """The origin that tests allow."""
        return f"http://localhost:{self._port}"

    @property
    def other_origin(self) -> str:
        """The same page under a name that is not allowed."""
        return f"http://127.0.0.1:{self._port}"

    def embeds(self, gateway: str, *, style: str = "", body: str = PLAIN, attributes: str = "") -> None:
        """Embeds that gateway's widget in the page."""
        self._page = PAGE.format(gateway=gateway, style=style, body=body, attributes=attributes)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")
