"""Everything works by keyboard, and the focus is always visible."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.console import Console
from tests.browser.windows import Windows
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def three_sessions(world: World, windows: Windows) -> Console:
    """A console that lists gamma, beta and alpha, with nothing focused."""
    gateway = await world.gateway()
    owner = await world.person("owner", gateway.url)
    for title in ("alpha", "beta", "gamma"):
        session = await owner.posts("/api/chat/sessions", 201, title=title)
        await owner.posts(f"/api/chat/sessions/{session['session_id']}/messages", 200, text=f"about {title}")
    console = await windows.console(world, gateway.url)
    await console.lists("gamma", "beta", "alpha")
    return console


async def test_the_list_by_keyboard(world: World, windows: Windows) -> None:
    """`j` and `k` move, Enter opens a session and focuses the composer, Escape leaves it."""
    console = await three_sessions(world, windows)
    keyboard = console.page.keyboard
    await keyboard.press("Escape")
    await keyboard.press("j")
    await expect(console.row("gamma").get_by_role("link")).to_be_focused()
    await keyboard.press("j")
    await keyboard.press("j")
    await keyboard.press("k")
    await expect(console.row("beta").get_by_role("link")).to_be_focused()
    await keyboard.press("Enter")
    await console.shows("about beta")
    await expect(console.composer).to_be_focused()
    await keyboard.press("Escape")
    await expect(console.composer).not_to_be_focused()
    await keyboard.press("j")
    await expect(console.row("alpha").get_by_role("link")).to_be_focused()


async def test_search_and_new_by_keyboard(world: World, windows: Windows) -> None:
    """`/` focuses the search, Escape clears and leaves it, `n` begins a new chat in the composer."""
    console = await three_sessions(world, windows)
    keyboard = console.page.keyboard
    await keyboard.press("Escape")
    await keyboard.press("/")
    await expect(console.search).to_be_focused()
    await keyboard.type("alp")
    await console.lists("alpha")
    await keyboard.press("Escape")
    await console.lists("gamma", "beta", "alpha")
    await keyboard.press("n")
    await expect(console.page.get_by_role("heading", level=1, name="New chat")).to_be_visible()
    await expect(console.composer).to_be_focused()
    await expect(console.composer).to_have_value("")


async def test_the_list_of_shortcuts(world: World, windows: Windows) -> None:
    """`?` lists all shortcuts and Escape closes the list; neither types a letter anywhere."""
    console = await three_sessions(world, windows)
    keyboard = console.page.keyboard
    await keyboard.press("Escape")
    await keyboard.press("?")
    sheet = console.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(sheet).to_be_visible()
    await keyboard.press("Escape")
    await expect(sheet).to_be_hidden()


async def test_the_composer_keeps_the_focus(world: World, windows: Windows) -> None:
    """Enter sends and Shift+Enter breaks the line; typing can continue at once, and letters are no shortcuts."""
    console = await three_sessions(world, windows)
    keyboard = console.page.keyboard
    await keyboard.press("n")
    await console.composer.focus()
    await keyboard.type("jn/")
    await keyboard.press("Shift+Enter")
    await keyboard.type("k?")
    await expect(console.composer).to_have_value("jn/\nk?")
    await keyboard.press("Enter")
    await expect(console.composer).to_be_focused()
    await expect(console.composer).to_have_value("")
    await console.shows("jn/")
    await expect(console.composer).to_be_focused()


async def test_the_focus_is_always_visible(world: World, windows: Windows) -> None:
    """Each stop of the Tab key has an outline or the composer's ring."""
    console = await three_sessions(world, windows)
    await console.selects("beta")
    stops: set[str] = set()
    for _ in range(40):
        await console.page.keyboard.press("Tab")
        assert await console.focus_is_drawn(), await console.focus()
        stops.add(await console.focus())
    assert len(stops) >= 12, stops
