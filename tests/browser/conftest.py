"""One Chromium for the whole run, and a clean profile in it for each test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.ensure_chromium import REMEDY, find_chromium
from tests.browser.hostpage import HostPage
from tests.browser.windows import Windows
from tests.fakes.bot_api import FakeBotApi
from tests.world import PATIENCE_S, ROOT, World

WIDGET = ROOT / "gateway" / "api" / "static" / "widget.js"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium; fails without one or without built web clients."""
    path = find_chromium()
    if path is None:
        pytest.fail(REMEDY, pytrace=False)
    if not WIDGET.is_file():
        pytest.fail("The web clients are not built. Run `make web`.", pytrace=False)
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The usual world, on the browser's event loop."""
    async with AsyncExitStack() as stack:
        yield World(database_url, tmp_path, stack)


@pytest_asyncio.fixture(loop_scope="session")
async def windows(chromium: Browser) -> AsyncIterator[Windows]:
    """The test's windows; at its end, none may have complained or contacted another server."""
    opened = Windows(chromium)
    yield opened
    await opened.close()
    assert opened.complaints == []
    assert opened.strangers == []


@pytest_asyncio.fixture(loop_scope="session")
async def bot() -> AsyncIterator[FakeBotApi]:
    """A Bot API server."""
    async with FakeBotApi(conflict_penalty_s=0.1) as fake:
        yield fake


@pytest_asyncio.fixture(loop_scope="session")
async def hostpage() -> AsyncIterator[HostPage]:
    """A third party's website."""
    async with HostPage() as page:
        yield page


@pytest.fixture
def free_port() -> int:
    """A port that a gateway can return to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
