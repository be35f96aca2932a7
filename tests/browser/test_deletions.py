"""Conversations deleted elsewhere, and messages that were taken back, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from gateway.api.settings import Web
from tests.browser.console import Chat
from tests.browser.hostpage import HostPage
from tests.browser.windows import Windows
from tests.world import Person, World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SESSIONS = "/api/chat/sessions"


async def newest(person: Person) -> str:
    """The path of the session with the latest message."""
    [session, *_] = (await person.gets(SESSIONS))["sessions"]
    return f"{SESSIONS}/{session['session_id']}"


async def rows(person: Person, path: str) -> list[dict[str, Any]]:
    """A session's transcript."""
    found: list[dict[str, Any]] = (await person.gets(f"{path}/messages"))["messages"]
    return found


def gone(page: Page) -> Locator:
    """The notice in place of the conversation."""
    return page.get_by_role("alert").filter(has_text="This conversation was deleted")


async def test_a_conversation_deleted_elsewhere_is_closed(world: World, windows: Windows) -> None:
    """It leaves the list and the screen with its unsent draft, and the focus moves to the next action."""
    gateway = await world.gateway()
    root = await world.person("root", gateway.url, role="operator")
    console = await windows.console(world, gateway.url)
    await console.asks("a secret", "You said: “a secret”")
    await console.composer.fill("and another")
    assert (await root.calls("DELETE", await newest(root)))[0] == 204
    await expect(gone(console.page)).to_be_visible()
    await expect(console.rows).to_have_count(0)
    await expect(console.page.get_by_text("a secret")).to_have_count(0)
    await expect(console.composer).to_have_count(0)
    assert await console.focus() == "BUTTON New chat"
    await console.page.keyboard.press("Enter")
    await expect(console.composer).to_have_value("and another")
    await expect(console.composer).to_be_focused()
    await console.asks("something else", "You said: “something else”")
    await expect(console.rows).to_have_count(1)


async def test_a_deleted_conversation_leaves_the_list(world: World, windows: Windows) -> None:
    """If no notification arrives, it is removed when the page becomes visible again."""
    here, there = await world.gateway(), await world.gateway()
    root = await world.person("root", here.url, role="operator")
    for title in ("one", "two", "three"):
        await root.posts(SESSIONS, 201, title=title)
    console = await windows.console(world, here.url)
    await console.lists("three", "two", "one")
    listed = {session["title"]: session["session_id"] for session in (await root.gets(SESSIONS))["sessions"]}
    assert (await root.calls("DELETE", f"{SESSIONS}/{listed['two']}"))[0] == 204
    await console.lists("three", "one")
    root.url = there.url
    assert (await root.calls("DELETE", f"{SESSIONS}/{listed['one']}"))[0] == 204
    await console.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await console.lists("three")


async def test_messages_taken_back_are_not_shown(world: World, windows: Windows) -> None:
    """Regenerated twice and edited once, a message appears once. A deleted message leaves one quiet line."""
    gateway = await world.gateway()
    root = await world.person("root", gateway.url, role="operator")
    console = await windows.console(world, gateway.url)
    await console.asks("first", "You said: “first”")
    await console.asks("second", "You said: “second”")
    path = await newest(root)
    for _ in range(2):
        await root.posts(f"{path}/regenerate", 200)
    question = next(row for row in await rows(root, path) if row["content"] == "second")
    body = {"text": "third", "answer_again": True}
    assert (await root.calls("PATCH", f"{path}/messages/{question['id']}", json=body))[0] in {200, 202}
    await console.hears("You said: “third”")
    await expect(console.page.locator("turn-message")).to_have_count(4)
    await expect(console.page.get_by_text("deleted")).to_have_count(0)
    for row in [row for row in await rows(root, path) if not row["deleted"]][1:3]:
        assert (await root.calls("DELETE", f"{path}/messages/{row['id']}"))[0] in {200, 204}
    await expect(console.page.get_by_text("2 messages were deleted.")).to_have_count(1)
    await console.page.reload()
    await expect(console.page.get_by_text("2 messages were deleted.")).to_have_count(1)
    await expect(console.page.locator("turn-message")).to_have_count(3)


async def test_the_widget_replaces_a_deleted_conversation(world: World, windows: Windows, hostpage: HostPage) -> None:
    """It says that the visitor's conversation was deleted, and begins another."""
    gateway = await world.gateway(web=Web(allowed_origins=(hostpage.origin,), anonymous=True))
    root = await world.person("root", gateway.url, role="operator")
    hostpage.embeds(gateway.url)
    page = await windows.open(hostpage.origin)
    await page.get_by_role("button", name="Open chat").click()
    chat = Chat(page)
    await chat.asks("do you ship?", "You said: “do you ship?”")
    assert (await root.calls("DELETE", await newest(root)))[0] == 204
    await expect(gone(page)).to_be_visible()
    await expect(page.get_by_role("dialog")).to_contain_text("Ended")
    await page.get_by_role("button", name="New conversation").click()
    await expect(chat.composer).to_be_focused()
    await chat.asks("and to Austria?", "You said: “and to Austria?”")
    await expect(page.get_by_text("do you ship?")).to_have_count(0)
