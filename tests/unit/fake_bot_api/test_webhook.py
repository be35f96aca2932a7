"""Updates by webhook."""

import asyncio

import pytest
from telegram import Bot
from telegram.error import Conflict

from tests.fakes.bot_api import FakeBotApi
from tests.unit.fake_bot_api.driver import ADA, Hook, polled


async def test_updates_are_posted_with_the_secret(fake: FakeBotApi, bot: Bot, hook: Hook) -> None:
    """Pending and new updates go to the webhook, in order, and are then gone."""
    fake.says(ADA, "1")
    await bot.set_webhook(hook.url, secret_token="hush")
    fake.says(ADA, "2")
    await fake.until(lambda: not fake.bot().queue.pending)
    assert (hook.texts, hook.secrets) == (["1", "2"], {"hush"})


async def test_refused_update_is_retried_in_order(fake: FakeBotApi, bot: Bot, hook: Hook) -> None:
    """An update without a 2xx response comes again, before later updates of the chat."""
    hook.answers = [500, 503]
    await bot.set_webhook(hook.url)
    fake.says(ADA, "1")
    fake.says(ADA, "2")
    await fake.until(lambda: len(hook.texts) == 4)
    assert hook.texts == ["1", "1", "1", "2"]
    assert (await bot.get_webhook_info()).last_error_message == (
        "Wrong response from the webhook: 503 Service Unavailable"
    )


async def test_no_polling_beside_a_webhook(fake: FakeBotApi, bot: Bot, hook: Hook) -> None:
    """Method getUpdates returns 409 while a webhook is set, and works again afterwards."""
    await bot.set_webhook(hook.url)
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await polled(bot) == []


async def test_webhook_sends_a_poll_away(fake: FakeBotApi, bot: Bot, hook: Hook) -> None:
    """A poll that waits while a webhook is set gets 409."""
    poll = asyncio.create_task(polled(bot, timeout=10))
    await fake.until(lambda: len(fake.calls("getUpdates")) == 1)
    await bot.set_webhook(hook.url)
    with pytest.raises(Conflict, match="terminated by setWebhook"):
        await poll


async def test_a_refused_chat_does_not_hold_up_others(fake: FakeBotApi, bot: Bot, hook: Hook) -> None:
    """Only the chat whose update is refused waits."""
    hook.refuses = {"1"}
    await bot.set_webhook(hook.url)
    fake.says(ADA, "1")
    fake.says(ADA + 1, "2")
    await fake.until(lambda: [update.chat_id for update in fake.bot().queue.pending] == [ADA])
    assert "2" in hook.texts
