"""Planned faults, and what arrives in spite of them."""

import asyncio

import pytest
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from tests.fakes.bot_api import FakeBotApi, Fault
from tests.unit.fake_bot_api.driver import ADA, GROUP


@pytest.fixture(autouse=True)
def known_chats(fake: FakeBotApi) -> None:
    fake.says(ADA, "hi")
    fake.says(ADA + 1, "hi")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("429", retry_after=7), RetryAfter),
        (Fault("5xx"), NetworkError),
        (Fault("409"), Conflict),
        (Fault("403"), Forbidden),
        (Fault("400"), BadRequest),
        (Fault("migrate", migrate_to_chat_id=GROUP), ChatMigrated),
    ],
)
async def test_refusals(fake: FakeBotApi, bot: Bot, fault: Fault, error: type[TelegramError]) -> None:
    """A refusing fault delivers nothing, applies once and is recorded."""
    fake.fails(fault)
    with pytest.raises(error):
        await bot.send_message(ADA, "hello")
    assert (await bot.send_message(ADA, "again")).text == "again"
    assert [sent.delivered for sent in fake.sent(ADA)] == [False, True]


async def test_lost_response(fake: FakeBotApi, bot: Bot) -> None:
    """The message arrives, the bot only sees the connection close."""
    fake.fails(Fault("lost", "sendMessage"))
    with pytest.raises(NetworkError):
        await bot.send_message(ADA, "hello")
    (heard,) = await fake.hears(ADA)
    assert (heard.delivered, heard.answered) == (True, False)


async def test_server_error_after_delivery(fake: FakeBotApi, bot: Bot) -> None:
    """A 5xx with `delivers` has delivered the message."""
    fake.fails(Fault("5xx", "sendMessage", delivers=True))
    with pytest.raises(NetworkError):
        await bot.send_message(ADA, "hello")
    assert [heard.text for heard in await fake.hears(ADA)] == ["hello"]


async def test_slow_response(fake: FakeBotApi, bot: Bot) -> None:
    """The message arrives at once, the answer after the bot has given up."""
    fake.fails(Fault("slow", "sendMessage", delay_s=5))
    with pytest.raises(TimedOut):
        await bot.send_message(ADA, "hello", read_timeout=0.1)
    assert await fake.hears(ADA, within=0.1)


async def test_garbage(fake: FakeBotApi, bot: Bot) -> None:
    """The answer isn't JSON."""
    fake.fails(Fault("garbage", "sendMessage"))
    with pytest.raises(TelegramError, match="Invalid server response"):
        await bot.send_message(ADA, "hello")


async def test_a_fault_answers_with_the_given_status_and_body(fake: FakeBotApi, bot: Bot) -> None:
    """Exact status and body, with the proper answer inside if requested."""
    fake.fails(Fault("raw", "sendMessage", status=200, body="{answer} and more", delivers=True))
    fake.fails(Fault("raw", "sendMessage", status=302, location="/elsewhere"))
    with pytest.raises(TelegramError, match="Invalid server response"):
        await bot.send_message(ADA, "hello")
    with pytest.raises(NetworkError, match="Found"):
        await bot.send_message(ADA, "hello")
    assert [sent.delivered for sent in fake.sent(ADA)] == [True, False]


async def test_half_an_answer(fake: FakeBotApi, bot: Bot) -> None:
    """The message arrives, and the connection breaks in the middle of the body."""
    fake.fails(Fault("cut", "sendMessage"))
    with pytest.raises(NetworkError, match="without sending complete"):
        await bot.send_message(ADA, "hello")
    assert len(await fake.hears(ADA)) == 1


async def test_only_the_chat_named(fake: FakeBotApi, bot: Bot) -> None:
    """A fault with a chat does not affect others; `times` 0 lasts until cleared."""
    fake.fails(Fault("429", "sendMessage", ADA, times=0))
    assert (await bot.send_message(ADA + 1, "hello")).text == "hello"
    for _ in range(3):
        with pytest.raises(RetryAfter):
            await bot.send_message(ADA, "hello")
    fake.recovers()
    assert (await bot.send_message(ADA, "hello")).text == "hello"


async def test_migrated_chat_is_known(fake: FakeBotApi, bot: Bot) -> None:
    """The bot can write to the supergroup named in the error."""
    fake.fails(Fault("migrate", migrate_to_chat_id=GROUP))
    with pytest.raises(ChatMigrated) as told:
        await bot.send_message(ADA, "hello")
    assert (await bot.send_message(told.value.new_chat_id, "hello")).text == "hello"


async def test_away_and_back(fake: FakeBotApi, bot: Bot) -> None:
    """A stopped server refuses connections; started again, it remembers."""
    await fake.stop()
    with pytest.raises(NetworkError):
        await bot.send_message(ADA, "hello")
    await fake.start()
    assert (await bot.send_message(ADA, "hello")).text == "hello"


async def test_away_while_polled(fake: FakeBotApi, bot: Bot) -> None:
    """A server that stops breaks a waiting poll, and forgets no update."""
    fake.bot().confirm(fake.bot().queue.next_update_id)
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await fake.until(lambda: len(fake.calls("getUpdates")) == 1)
    await fake.stop()
    with pytest.raises(NetworkError):
        await poll
    said = fake.says(ADA, "are you there?")
    await fake.start()
    assert [update.update_id for update in await bot.get_updates()] == [said.update_id]
