"""Updates: their format, their queue, long polling."""

import asyncio

import aiohttp
import pytest
from telegram import Bot
from telegram.error import Conflict, TelegramError

from tests.fakes.bot_api import FakeBotApi, UserMessage
from tests.fakes.bot_api.chats import Media
from tests.unit.fake_bot_api.driver import ADA, GROUP, TOKEN, polled


async def test_message_reads_as_from_telegram(fake: FakeBotApi, bot: Bot) -> None:
    """A private message has sender, chat, date and command entities."""
    said = fake.says(ADA, "🙂 /start abc")
    (update,) = await bot.get_updates()
    message = update.message
    assert message is not None
    assert message.from_user is not None
    assert (message.message_id, message.chat_id, message.from_user.id) == (said.message_id, ADA, ADA)
    assert [(e.type, e.offset, e.length) for e in message.entities] == [("bot_command", 3, 6)]


async def test_topic_message(fake: FakeBotApi, bot: Bot) -> None:
    """A message in a topic of a supergroup has its thread."""
    fake.does(UserMessage(GROUP, "hi", from_id=9, thread_id=31, title="Crew"))
    (update,) = await bot.get_updates()
    message = update.message
    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (31, True)
    assert (message.chat.type, message.chat.title, message.chat.is_forum) == ("supergroup", "Crew", True)


async def test_edit_keeps_id_and_date(fake: FakeBotApi, bot: Bot) -> None:
    """An edited message is an `edited_message` with the same id."""
    said = fake.says(ADA, "helo")
    fake.edits(ADA, said.message_id, "hello")
    first, second = await bot.get_updates()
    assert first.message is not None
    assert second.edited_message is not None
    assert second.edited_message.message_id == first.message.message_id
    assert second.edited_message.edit_date is not None


@pytest.mark.parametrize("media", ["photo", "document", "sticker", "voice"])
async def test_media_with_caption(fake: FakeBotApi, bot: Bot, media: Media) -> None:
    """Media parse as python-telegram-bot's own types and have no text."""
    fake.does(UserMessage(ADA, caption="see", media=media))
    message = (await bot.get_updates())[0].message
    assert message is not None
    assert (message.text, message.caption) == (None, "see")
    assert getattr(message, media)


async def test_only_a_higher_offset_confirms(fake: FakeBotApi, bot: Bot) -> None:
    """An update is handed out again until an offset above it deletes it."""
    first, second = fake.says(ADA, "1").update_id, fake.says(ADA, "2").update_id
    assert await polled(bot, offset=first) == [first, second]
    assert await polled(bot, offset=second) == [second]
    assert fake.bot().queue.confirmed_offset == second


async def test_rapid_repeat_gets_one_update(fake: FakeBotApi, bot: Bot) -> None:
    """The same offset twice within half a second returns a single update, so that a malformed one can be isolated."""
    first, second = fake.says(ADA, "1").update_id, fake.says(ADA, "2").update_id
    assert await polled(bot, offset=first) == [first, second]
    assert await polled(bot, offset=first) == [first]


async def test_limit(fake: FakeBotApi, bot: Bot) -> None:
    """No more updates than asked for."""
    first = fake.says(ADA, "1").update_id
    fake.says(ADA, "2")
    assert [update.update_id for update in await bot.get_updates(limit=1)] == [first]


async def test_long_poll_ends_with_the_update(fake: FakeBotApi, bot: Bot) -> None:
    """A waiting poll returns as soon as something is said."""
    poll = asyncio.create_task(polled(bot, timeout=10))
    await fake.until(lambda: len(fake.calls("getUpdates")) == 1)
    said = fake.says(ADA, "hi")
    assert await asyncio.wait_for(poll, 2) == [said.update_id]


async def test_long_poll_ends_empty(bot: Bot) -> None:
    """A poll without updates returns nothing after its timeout."""
    assert await polled(bot, timeout=1) == []


async def test_allowed_updates_hold_for_later_ones(fake: FakeBotApi, bot: Bot) -> None:
    """Update types that were not requested are not queued any more."""
    await bot.get_updates(allowed_updates=["edited_message"])
    said = fake.says(ADA, "hi")
    edited = fake.edits(ADA, said.message_id, "ho")
    assert await polled(bot) == [edited.update_id]


async def test_second_poll_sends_the_first_away(fake: FakeBotApi, bot: Bot) -> None:
    """Of two polls the earlier gets 409."""
    first = asyncio.create_task(polled(bot, timeout=10))
    await fake.until(lambda: len(fake.calls("getUpdates")) == 1)
    async with Bot(TOKEN, base_url=f"{fake.url}/bot") as other:
        second = asyncio.create_task(polled(other, timeout=10))
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await first
        said = fake.says(ADA, "hi")
        assert await second == [said.update_id]


async def test_redelivery_after_confirmation(fake: FakeBotApi, bot: Bot) -> None:
    """A duplicate is delivered although its id was confirmed."""
    update_id = fake.says(ADA, "hi").update_id
    await polled(bot, offset=update_id + 1)
    fake.redelivers(update_id)
    assert await polled(bot, offset=update_id + 1) == [update_id]
    assert await polled(bot, offset=update_id + 1) == []


async def test_ids_restart_lower(fake: FakeBotApi, bot: Bot) -> None:
    """After the ids restart, an old offset doesn't hide the new updates."""
    old = fake.says(ADA, "hi").update_id
    await polled(bot, offset=old + 1)
    fake.restarts_ids(17)
    fake.says(ADA, "again")
    assert await polled(bot, offset=old + 1) == [17]


async def test_malformed_update_spoils_the_batch(fake: FakeBotApi, bot: Bot) -> None:
    """Raw updates reach the bot unchanged, and python-telegram-bot fails on a broken one."""
    fake.says(ADA, "hi")
    broken = fake.injects({"message": {"chat": "not a chat"}})
    with pytest.raises((TypeError, KeyError, AttributeError, TelegramError)):
        await bot.get_updates()
    assert [update.update_id for update in fake.bot().queue.pending][-1] == broken


async def test_verbatim_injection_has_no_id(fake: FakeBotApi, http: aiohttp.ClientSession) -> None:
    """Arbitrary values can be in the list of updates."""
    fake.injects("not even an object", verbatim=True)
    fake.injects({"message": None}, verbatim=True)
    async with http.get(f"/bot{TOKEN}/getUpdates") as response:
        assert (await response.json())["result"] == ["not even an object", {"message": None}]


async def test_repeated_conflicts_are_told_late(fake: FakeBotApi, http: aiohttp.ClientSession) -> None:
    """Of two polls displaced in quick succession, the later one gets its 409 after the penalty."""
    polls = [asyncio.create_task(status_of_poll(http)) for _ in range(3)]
    await fake.until(lambda: len(fake.calls("getUpdates")) == 3)
    await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
    assert [poll.done() for poll in polls].count(True) == 1
    fake.says(ADA, "hi")
    assert sorted(await asyncio.gather(*polls)) == [200, 409, 409]


async def status_of_poll(http: aiohttp.ClientSession) -> int:
    async with http.get(f"/bot{TOKEN}/getUpdates?timeout=10") as response:
        return response.status
