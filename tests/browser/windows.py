"""Browser windows that record every complaint and every server they contact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from gateway.core.model import UserId
from gateway.identity.credentials import digest, new_code
from storage.database import open_database
from storage.users.tokens import PostgresTokens
from tests.browser.console import Console
from tests.world import PATIENCE_S, World, eventually

LOOPBACK = {"127.0.0.1", "localhost"}
CLOSED_DOOR = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to .* failed"
"""What Chromium itself says while nobody listens."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen; sizes in CSS pixels."""

    width: int = 1440
    height: int = 900
    dark: bool = False
    scale: float = 1


DESK = Screen()


class Windows:
    """Opens windows, each with its own profile. `complaints`: errors, violated policies, warnings of ours."""

    def __init__(self, browser: Browser) -> None:
        self.complaints: list[str] = []
        self.warnings: list[str] = []
        self.strangers: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Declares complaints that the test provokes."""
        self._expected.append(pattern)

    async def open(self, url: str, screen: Screen = DESK) -> Page:
        """A page in a new profile."""
        context = await self._browser.new_context(
            viewport={"width": screen.width, "height": screen.height},
            device_scale_factor=screen.scale,
            color_scheme="dark" if screen.dark else "light",
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        self._contexts.append(context)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self._complain(str(error.error)))
        context.on("request", self._asked)
        page = await context.new_page()
        await page.goto(url)
        return page

    async def console(self, world: World, url: str, screen: Screen = DESK) -> Console:
        """The console at `url`, with the owner signed in."""
        console = Console(await self.open(await sign_in_url(world, url), screen))
        await console.is_in()
        return console

    async def warned(self, text: str) -> None:
        """Waits until a page has logged this warning."""

        async def look() -> bool:
            return any(text in warning for warning in self.warnings)

        await eventually(look)

    async def close(self) -> None:
        """Closes all of them."""
        for context in self._contexts:
            await context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(f"{message.text} ({message.location['url']})")
        elif message.type == "warning":
            self.warnings.append(message.text)

    def _complain(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self._expected):
            self.complaints.append(text)

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname not in LOOPBACK:
            self.strangers.append(request.url)


async def sign_in_url(world: World, url: str) -> str:
    """A one-time URL that signs the owner in, as a gateway prints it."""
    code = new_code()
    database = await open_database(world.database_url)
    try:
        await PostgresTokens(database).add_code(digest(code), UserId("owner"), "operator", timedelta(minutes=5))
    finally:
        await database.close()
    return f"{url}/?code={code}"
