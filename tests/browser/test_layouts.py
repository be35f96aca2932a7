"""Light and dark, on a phone and on a desktop, with text that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.agents.python.settings import PythonAgentSettings
from gateway.api.settings import Web
from tests.browser.agents import HEBREW, LONG_WORD
from tests.browser.console import Chat, Console
from tests.browser.hostpage import HostPage
from tests.browser.windows import Screen, Windows
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDE = {"assistant": PythonAgentSettings(kind="python", target="tests.browser.agents:wide")}
OVERFLOW = Path(__file__).with_name("overflow.js").read_text()
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
READABLE = 4.5
"""WCAG 2.2, 1.4.3: the contrast of text."""

SCREENS = pytest.mark.parametrize(
    "screen",
    [Screen(390, 844), Screen(390, 844, dark=True), Screen(1440, 900), Screen(1440, 900, dark=True)],
    ids=["phone, light", "phone, dark", "desk, light", "desk, dark"],
)


async def reads_well(page: Page) -> None:
    """Checks that nothing scrolls sideways that should not, and that all text has enough contrast."""
    assert await page.evaluate(OVERFLOW) == []
    assert await page.evaluate(CONTRAST, READABLE) == []


@SCREENS
async def test_a_conversation_reads_well(world: World, windows: Windows, screen: Screen) -> None:
    """Long words, addresses, wide tables, code and Hebrew stay inside; the list and the empty page are readable too."""
    gateway = await world.gateway(agents=WIDE)
    console = await windows.console(world, gateway.url, screen)
    await reads_well(console.page)
    await console.page.goto(f"{gateway.url}/#/new")
    await reads_well(console.page)
    await console.asks(f"{LONG_WORD} {HEBREW}", "column 0")
    await reads_well(console.page)
    await console.page.goto(f"{gateway.url}/#/")
    await expect(console.rows).to_have_count(1)
    await reads_well(console.page)


@SCREENS
async def test_the_other_pages_read_well(world: World, windows: Windows, screen: Screen) -> None:
    """Signing in, schedules (none and one), and the list of shortcuts."""
    gateway = await world.gateway()
    owner = await world.person("owner", gateway.url)
    stranger = await windows.open(gateway.url, screen)
    await expect(stranger.get_by_role("heading", name="Sign in to Turngate")).to_be_visible()
    await reads_well(stranger)
    console = await windows.console(world, gateway.url, screen)
    await console.page.goto(f"{gateway.url}/#/schedules")
    await expect(console.page.get_by_role("heading", name="Schedules")).to_be_visible()
    await reads_well(console.page)
    trigger = {"type": "cron", "expression": "0 7 * * 1-5"}
    await owner.posts("/api/schedules", 201, name=LONG_WORD[:100], prompt=LONG_WORD, trigger=trigger)
    await console.page.reload()
    await expect(console.page.get_by_role("heading", name=LONG_WORD[:100])).to_be_visible()
    await reads_well(console.page)


@SCREENS
async def test_the_widget_reads_well(world: World, windows: Windows, hostpage: HostPage, screen: Screen) -> None:
    """The same texts in the small panel, which covers a phone's screen and sits in the corner of a desktop's."""
    gateway = await world.gateway(agents=WIDE, web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    hostpage.embeds(gateway.url)
    page = await windows.open(hostpage.origin, screen)
    await page.get_by_role("button", name="Open chat").click()
    await reads_well(page)
    chat = Chat(page)
    await chat.asks(f"{LONG_WORD} {HEBREW}", "column 0")
    await reads_well(page)
    box = await page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (
        (screen.width, screen.height) if screen.width < 480 else (400, 640)
    )


async def test_hebrew_reads_from_the_right(world: World, windows: Windows) -> None:
    """Each paragraph has its own direction."""
    gateway = await world.gateway(agents=WIDE)
    console = await windows.console(world, gateway.url)
    await console.asks(HEBREW, "column 0")
    paragraph = console.answers.get_by_text(HEBREW)
    assert await paragraph.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert (
        await (await console.shows(HEBREW))
        .locator(".bubble")
        .evaluate("element => getComputedStyle(element).direction")
        == "rtl"
    )


async def test_the_theme_can_be_chosen(world: World, windows: Windows) -> None:
    """The choice survives a refresh, whatever the system prefers."""
    gateway = await world.gateway()
    console: Console = await windows.console(world, gateway.url)
    light = await ground(console.page)
    await console.page.get_by_role("button", name="Account").click()
    await console.page.get_by_role("button", name="Dark").click()
    dark = await ground(console.page)
    assert dark != light
    await console.page.reload()
    await console.is_in()
    assert await ground(console.page) == dark


async def ground(page: Page) -> str:
    """The page's background colour."""
    color: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return color
