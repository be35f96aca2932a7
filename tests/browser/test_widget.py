"""The widget on a third party's page."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, expect

from gateway.api.settings import Web
from tests.browser.console import Chat
from tests.browser.hostpage import LOUD, HostPage
from tests.browser.windows import CLOSED_DOOR, Windows
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Lit keeps its versions in the page, so that two of them on one page can be noticed.
OWN_OF_LIT = {"litPropertyMetadata", "reactiveElementVersions", "litHtmlVersions", "litElementVersions"}


async def opens(page: Page) -> Chat:
    """The widget's chat, after a click on its launcher."""
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    return Chat(page)


async def test_a_visitor_chats(world: World, windows: Windows, hostpage: HostPage) -> None:
    """AC-8: anonymous, on an allowed origin; the conversation is still there after a refresh."""
    gateway = await world.gateway(web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    hostpage.embeds(gateway.url)
    page = await windows.open(hostpage.origin)
    chat = await opens(page)
    await expect(chat.composer).to_be_focused()
    await chat.asks("do you ship?", "You said: “do you ship?”")
    await page.reload()
    chat = await opens(page)
    await chat.shows("do you ship?")
    await chat.asks("what was my last question?", "Before this, you said: “do you ship?”")
    [session] = await world.rows("SELECT channel, user_id FROM chat_sessions")
    assert session["channel"] == "web"
    assert session["user_id"].startswith("visitor:")


async def test_a_visitors_chat_survives_a_gateway_restart(
    world: World, windows: Windows, hostpage: HostPage, free_port: int
) -> None:
    """Messages written meanwhile arrive once; the visitor's identity is unchanged."""
    windows.expect(CLOSED_DOOR)
    web = {
        "TURNGATE_PORT": str(free_port),
        "TURNGATE_WEB__ALLOWED_ORIGINS": json.dumps([hostpage.origin]),
        "TURNGATE_WEB__ANONYMOUS": "true",
    }
    process = await world.process(**web)
    hostpage.embeds(process.url)
    page = await windows.open(hostpage.origin)
    chat = await opens(page)
    await chat.asks("before", "You said: “before”")
    await process.dies()
    await expect(chat.bar).to_contain_text("Reconnecting")
    await chat.says("meanwhile")
    await world.process(**web)
    await chat.hears("You said: “meanwhile”")
    users = await world.rows("SELECT DISTINCT user_id FROM chat_sessions")
    said = await world.rows("SELECT content FROM chat_messages WHERE role = 'user' ORDER BY seq")
    assert len(users) == 1
    assert [row["content"] for row in said] == ["before", "meanwhile"]


async def test_a_foreign_origin_gets_nothing(world: World, windows: Windows, hostpage: HostPage) -> None:
    """AC-10: no launcher, visitor or session; the page still works, and its console names the setting."""
    # The last is Chromium's message for a refused preflight when it is busy.
    windows.expect("403|CORS|ERR_FAILED|ERR_INVALID_HTTP_RESPONSE")
    gateway = await world.gateway(web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    hostpage.embeds(gateway.url)
    page = await windows.open(hostpage.other_origin)
    await windows.warned("TURNGATE_WEB__ALLOWED_ORIGINS")
    await expect(page.get_by_role("button", name="Open chat")).to_have_count(0)
    await page.evaluate("window.turngate.open()")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await page.evaluate("Object.keys(localStorage)") == []
    assert await world.rows("SELECT 1 FROM chat_sessions") == []
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("[data-pressed=yes]")).to_have_count(1)


async def test_nothing_leaks_in_or_out(world: World, windows: Windows, hostpage: HostPage) -> None:
    """The page's loudest styles don't affect the widget, whose only trace in the page is `turngate`."""
    gateway = await world.gateway(web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    hostpage.embeds(gateway.url)
    calm = await looks(await windows.open(hostpage.origin))
    hostpage.embeds(gateway.url, style=LOUD)
    page = await windows.open(hostpage.origin)
    assert await looks(page) == calm
    added = await page.evaluate("Object.getOwnPropertyNames(window).filter((name) => !namesBefore.includes(name))")
    assert set(added) - OWN_OF_LIT == {"namesBefore", "turngate"}


async def looks(page: Page) -> list[str]:
    """The computed style of every part of the open widget, after a first answer."""
    chat = await opens(page)
    await chat.asks("hello", "I am the demo agent")
    await page.mouse.move(5, 5)
    styles: list[str] = await page.evaluate(
        """() => {
            const names = ["color", "font-size", "font-family", "border-top-width", "position", "line-height",
                "letter-spacing", "text-transform", "text-align", "display", "width"];
            const walk = (root) => [...root.querySelectorAll("*")].flatMap((element) => [element,
                ...(element.shadowRoot ? walk(element.shadowRoot) : [])]);
            return walk(document.querySelector("turngate-widget").shadowRoot).map((element) => {
                const style = getComputedStyle(element);
                return [element.tagName, ...names.map((name) => style.getPropertyValue(name))].join(" ");
            });
        }"""
    )
    return styles
