"""Answers are not trusted, as an agent may be manipulated."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from gateway.agents.python.settings import PythonAgentSettings
from tests.browser.windows import Windows
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EVIL = {"assistant": PythonAgentSettings(kind="python", target="tests.browser.agents:evil")}


async def test_markup_in_an_answer_is_inert(world: World, windows: Windows) -> None:
    """No script runs, nothing is fetched (every window checks that), and links that could act are plain text."""
    gateway = await world.gateway(agents=EVIL)
    console = await windows.console(world, gateway.url)
    answer = await console.asks("go", "The end.")
    for forbidden in ("img", "script", "style", "iframe", "form", "input", "[onclick]", "[onerror]", "[style]"):
        await expect(answer.locator(f"turn-markdown {forbidden}:not(.prose)")).to_have_count(0)
    links = await answer.locator("a[href]").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert sorted(links) == ["https://evil.example/page", "https://evil.example/remote.png"]
    rels = await answer.locator("a[href]").evaluate_all("links => links.map((link) => [link.target, link.rel])")
    assert rels == [["_blank", "noopener noreferrer"]] * 2
    await expect(answer.get_by_text("a script")).to_be_visible()
    assert await console.page.title() != "taken"


async def test_markup_in_a_message_is_shown_as_it_is(world: World, windows: Windows) -> None:
    """User messages are shown as plain text."""
    gateway = await world.gateway(agents=EVIL)
    console = await windows.console(world, gateway.url)
    await console.asks("<b onmouseover=alert(1)>bold</b> **stars**", "The end.")
    await console.shows("<b onmouseover=alert(1)>bold</b> **stars**")
