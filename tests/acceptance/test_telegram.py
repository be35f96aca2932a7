"""Telegram end to end: the Bot API over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.bot_api import FakeBotApi
from tests.telegram_settings import telegram
from tests.world import World, eventually

pytestmark = pytest.mark.acceptance


@pytest_asyncio.fixture
async def bot() -> AsyncIterator[FakeBotApi]:
    """A Bot API server; `bot.says` sends a user's message, `bot.hears` returns what the gateway sent."""
    async with FakeBotApi(conflict_penalty_s=0.1) as fake:
        yield fake


async def test_a_message_goes_all_the_way(world: World, bot: FakeBotApi) -> None:
    """C-1, AC-6: a tagged row, the answer in the chat, and both rows in the transcript."""
    await world.gateway(telegram=telegram(bot))
    bot.says(7, "hello")
    [answer] = await bot.hears(7)
    sessions = await world.rows("SELECT channel, user_id, message_count FROM chat_sessions")
    assert sessions == [{"channel": "telegram", "user_id": "telegram:7", "message_count": 2}]
    [reply] = await world.rows("SELECT content FROM chat_messages WHERE role = 'assistant'")
    assert answer.text.split()[0] in reply["content"]


async def test_the_row_is_there_before_the_agent_is_called(world: World, bot: FakeBotApi) -> None:
    """AC-6: while the agent still waits, the session exists and the chat shows that the bot is typing."""
    await world.gateway(telegram=telegram(bot))
    bot.says(7, "wait 2 seconds")

    async def waiting() -> list[dict[str, Any]]:
        return await world.rows(
            "SELECT s.channel FROM chat_sessions AS s JOIN turns AS t USING (chat_id) WHERE t.status = 'running'"
        )

    assert await eventually(waiting) == [{"channel": "telegram"}]
    await bot.until(lambda: bool(bot.calls("sendChatAction")))
    await bot.hears(7)


async def test_a_redelivered_update_is_answered_once(world: World, bot: FakeBotApi) -> None:
    """Telegram redelivers updates that it is unsure of."""
    await world.gateway(telegram=telegram(bot))
    update = bot.says(7, "hello")
    await bot.hears(7)
    bot.redelivers(update.update_id)
    bot.says(7, "what was my last question?")
    [answer] = await bot.hears(7)
    assert "hello" in answer.text
    assert len(bot.sent(7)) == 2
    assert len(await world.rows("SELECT 1 FROM turns")) == 2


async def test_a_stranger_gets_no_session(world: World, bot: FakeBotApi) -> None:
    """AC-11: with the default access, an unlinked user is told how to link, and nothing is stored."""
    await world.gateway(telegram=telegram(bot, access="linked"))
    bot.says(7, "hello")
    [answer] = await bot.hears(7)
    assert "link" in answer.text.lower()
    assert await world.rows("SELECT 1 FROM chat_sessions") == []


async def test_a_mapped_user_chats_as_that_user(world: World, bot: FakeBotApi) -> None:
    """AC-9: a Telegram message appears in the same person's list on the web."""
    gateway = await world.gateway(telegram=telegram(bot, access="allowlist", allow=("7=ann",)))
    ann = await world.person("ann", gateway.url)
    bot.says(7, "from my phone")
    await bot.hears(7)
    listed = await ann.gets("/api/chat/sessions?channel=telegram")
    [session] = listed["sessions"]
    assert session["channel"] == "telegram"
    messages = await ann.gets(f"/api/chat/sessions/{session['session_id']}/messages")
    assert [message["role"] for message in messages["messages"]] == ["user", "assistant"]


async def test_a_reply_from_the_web_reaches_the_telegram_chat_too(world: World, bot: FakeBotApi) -> None:
    """Reply routing: a Telegram session that is continued on the web is answered in both places."""
    gateway = await world.gateway(telegram=telegram(bot, access="allowlist", allow=("7=ann",)))
    ann = await world.person("ann", gateway.url)
    bot.says(7, "from my phone")
    await bot.hears(7)
    [session] = (await ann.gets("/api/chat/sessions"))["sessions"]
    socket = await ann.connects(session_id=session["session_id"])
    reply = await socket.asks("now from the web", "m1")
    [answer] = await bot.hears(7)
    assert answer.text.split()[0] in reply["content"]
    assert reply["session_id"] == session["session_id"]
