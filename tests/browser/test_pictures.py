"""The pictures of the README, retaken by `DOCS_IMAGES=1 make test` and checked by every run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.api.settings import Web
from tests.browser.console import Chat
from tests.browser.hostpage import HostPage
from tests.browser.staging import AGENTS, SCENES, stage
from tests.browser.windows import Screen, Windows
from tests.world import ROOT, World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

IMAGES = ROOT / "docs" / "images"
LARGEST = 300_000
"""Bytes."""
LOOKED_HALF_AN_HOUR_AGO = """localStorage.setItem(
    'turngate:seen:owner', JSON.stringify({ since: new Date(Date.now() - 18e5).toISOString(), at: {} }))"""
SHOP_PAGE = Path(__file__).with_name("shop.html").read_text()


async def picture(page: Page, name: str, folder: Path) -> None:
    """Takes a picture; docs keep theirs until told to replace it."""
    taken = folder / name
    await page.screenshot(path=taken, animations="disabled", caret="hide")
    kept = IMAGES / name
    if os.environ.get("DOCS_IMAGES"):
        kept.write_bytes(taken.read_bytes())
    for image in (taken, kept):
        assert image.read_bytes().startswith(b"\x89PNG")
        assert image.stat().st_size <= LARGEST


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_console(world: World, windows: Windows, tmp_path: Path, dark: bool) -> None:
    """Sessions of all five channels, one of them open."""
    gateway = await world.gateway(agents=AGENTS)
    await stage(world, gateway.url)
    console = await windows.console(world, gateway.url, Screen(dark=dark))
    await console.page.evaluate(LOOKED_HALF_AN_HOUR_AGO)
    await console.page.reload()
    await expect(console.rows).to_have_count(len(SCENES))
    await console.selects("Bikes on the ICE")
    await console.hears("Reservations open")
    await picture(console.page, "console-dark.png" if dark else "console.png", tmp_path)


async def test_the_widget(world: World, windows: Windows, hostpage: HostPage, tmp_path: Path) -> None:
    """Open on a shop's page."""
    gateway = await world.gateway(agents=AGENTS, web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    hostpage.embeds(gateway.url, body=SHOP_PAGE, attributes='data-title="Fernweh Cycles"')
    page = await windows.open(hostpage.origin, Screen(1200, 800))
    await page.get_by_role("button", name="Open chat").click()
    chat = Chat(page)
    await chat.asks("Do you ship to Austria?", "Yes, to all of Austria")
    await chat.asks("And can I send it back?", "Within 30 days")
    await page.mouse.move(5, 5)
    await picture(page, "widget.png", tmp_path)
