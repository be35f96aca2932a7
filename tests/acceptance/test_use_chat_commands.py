"""Chat commands in AI SDK's own chat (npm `ai` and `@ai-sdk/react`, the real packages)."""

from __future__ import annotations

import pytest

from tests.ai_sdk import Page, running_sdk, text_of
from tests.integration.ai_sdk.ui_streams import SESSIONS, settings
from tests.world import World

pytestmark = pytest.mark.acceptance


async def said(page: Page, text: str) -> tuple[str, str]:
    """The answer that the page shows, and the session that it names."""
    await page.sends(text)
    message = (await page.settles())["messages"][-1]
    return text_of(message), message["metadata"]["session_id"]


async def test_a_page_follows_its_chat_commands(world: World) -> None:
    """`/fork`, `/agent` and `/resume`, one after another in one chat."""
    mia = await world.person("mia", (await world.gateway(**settings())).url)
    async with running_sdk() as sdk:
        page = await sdk.opens(mia, "c1")
        _, first = await said(page, "one")
        _, copy = await said(page, "/fork")
        assert await said(page, "two") == ("2. two", copy)
        _, fresh = await said(page, "/agent plain")
        assert await said(page, "three") == ("1. three", fresh)
        told, _ = await said(page, "/sessions")
        number = next(line for line in told.splitlines() if line.startswith("3. "))[0]
        assert (await said(page, f"/resume {number}"))[1] == first
        assert await said(page, "four") == ("2. four", first)
    assert len({first, copy, fresh}) == (await mia.gets(SESSIONS))["total"] == 3


async def test_editing_a_message_that_the_gateway_does_not_have(world: World) -> None:
    """404, and the transcript is unchanged."""
    mia = await world.person("mia", (await world.gateway(**settings())).url)
    async with running_sdk() as sdk:
        stale = {"id": "nope", "role": "user", "parts": [{"type": "text", "text": "never sent"}]}
        page = await sdk.opens(mia, "c1", [stale])
        _, session = await said(page, "one")
        await page.sends("another", messageId="nope")
        assert "There is no such message" in (await page.settles())["error"]
    assert (await mia.gets(f"{SESSIONS}/{session}"))["message_count"] == 2
