"""What the bot sends: rules, refusals, records."""

import aiohttp
import pytest
from telegram import Bot, MessageEntity, ReplyParameters
from telegram.error import BadRequest, Forbidden

from tests.fakes.bot_api import FakeBotApi, UserMessage
from tests.unit.fake_bot_api.driver import ADA, GROUP, TOKEN


@pytest.fixture(autouse=True)
def known_chats(fake: FakeBotApi) -> None:
    fake.says(ADA, "hi")
    fake.does(UserMessage(GROUP, "hi", thread_id=31))


async def test_sent_message_is_heard(fake: FakeBotApi, bot: Bot) -> None:
    """The bot's message comes back with an id and is recorded with its entities."""
    bold = MessageEntity("bold", 0, 5)
    message = await bot.send_message(ADA, "hello", entities=[bold])
    (heard,) = await fake.hears(ADA)
    assert (heard.text, heard.message_id, heard.outcome) == ("hello", message.message_id, "delivered")
    assert heard.entities == [{"type": "bold", "offset": 0, "length": 5}]
    assert message.entities == (bold,)


async def test_hears_goes_on_where_it_stopped(fake: FakeBotApi, bot: Bot) -> None:
    """Each message is heard once."""
    for text in ("1", "2", "3"):
        await bot.send_message(ADA, text)
    assert [heard.text for heard in await fake.hears(ADA, count=2)] == ["1", "2"]
    assert [heard.text for heard in await fake.hears(ADA)] == ["3"]


async def test_silence_fails_the_test(fake: FakeBotApi) -> None:
    """Too few messages in time raise an assertion error that lists what came."""
    with pytest.raises(AssertionError, match=r"heard \[\]"):
        await fake.hears(ADA, within=0.05)


async def test_topic_and_reply(fake: FakeBotApi, bot: Bot) -> None:
    """Topic, replied-to message and disabled preview are recorded."""
    await bot.send_message(
        GROUP, "ok", message_thread_id=31, reply_parameters=ReplyParameters(1), disable_web_page_preview=True
    )
    (heard,) = await fake.hears(GROUP)
    assert (heard.thread_id, heard.reply_to, heard.link_preview_disabled) == (31, 1, True)


@pytest.mark.parametrize("text", ["a" * 4096, "🙂" * 2048])
async def test_longest_text(bot: Bot, text: str) -> None:
    """4096 UTF-16 code units fit."""
    assert (await bot.send_message(ADA, text)).text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a" * 4097, "is too long"),
        ("🙂" * 2049, "is too long"),
        ("", "text is empty"),
        (" \n", "must be non-empty"),
    ],
)
async def test_text_out_of_bounds(fake: FakeBotApi, bot: Bot, text: str, words: str) -> None:
    """Empty and overlong texts are refused, and the refusal is recorded."""
    with pytest.raises(BadRequest, match=words):
        await bot.send_message(ADA, text)
    assert [(sent.outcome, sent.error_code) for sent in fake.sent(ADA)] == [("refused", 400)]


@pytest.mark.parametrize(
    "entity",
    [
        MessageEntity("bold", 1, 5),
        MessageEntity("bold", -1, 2),
        MessageEntity("bold", 0, 0),
        MessageEntity("bold", 1, 1),
    ],
)
async def test_entities_out_of_bounds(bot: Bot, entity: MessageEntity) -> None:
    """Entities lie within the text, aren't empty and don't cut a surrogate pair."""
    with pytest.raises(BadRequest, match="Can't parse entities"):
        await bot.send_message(ADA, "🙂ab", entities=[entity])


async def test_entities_must_be_json(http: aiohttp.ClientSession) -> None:
    """Anything but a JSON array of entities is refused."""
    form = {"chat_id": ADA, "text": "hi", "entities": "[{"}
    async with http.post(f"/bot{TOKEN}/sendMessage", data=form) as response:
        assert "can't parse entities" in (await response.json())["description"]


async def test_hundred_entities_are_kept(fake: FakeBotApi, bot: Bot) -> None:
    """The others are silently dropped."""
    await bot.send_message(ADA, "a" * 200, entities=[MessageEntity("bold", at, 1) for at in range(150)])
    assert len(fake.sent(ADA)[0].entities) == 100


@pytest.mark.parametrize(
    ("chat_id", "more", "words"),
    [
        (404, {}, "chat not found"),
        (GROUP, {"message_thread_id": 99}, "message thread not found"),
        (ADA, {"reply_to_message_id": 99}, "message to be replied not found"),
    ],
)
async def test_unknown_places(http: aiohttp.ClientSession, chat_id: int, more: dict[str, int], words: str) -> None:
    """Unknown chats, topics and messages are refused."""
    form = {"chat_id": chat_id, "text": "hi"} | more
    async with http.post(f"/bot{TOKEN}/sendMessage", data=form) as response:
        assert (await response.json())["description"] == f"Bad Request: {words}"


async def test_blocked(fake: FakeBotApi, bot: Bot) -> None:
    """People who blocked the bot can't be written to until they unblock it."""
    fake.blocks(ADA)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ADA, "hi")
    fake.blocks(ADA, blocked=False)
    assert (await bot.send_message(ADA, "hi")).text == "hi"


async def test_edit(fake: FakeBotApi, bot: Bot) -> None:
    """The bot edits its own message, once per text."""
    message = await bot.send_message(ADA, "…")
    await bot.edit_message_text("done", ADA, message.message_id)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("done", ADA, message.message_id)
    assert [(sent.method, sent.text, sent.outcome) for sent in fake.sent(ADA)] == [
        ("sendMessage", "…", "delivered"),
        ("editMessageText", "done", "delivered"),
        ("editMessageText", "done", "refused"),
    ]


@pytest.mark.parametrize(("message_id", "words"), [(1, "can't be edited"), (99, "Message to edit not found")])
async def test_edit_of_what_is_not_the_bots(bot: Bot, message_id: int, words: str) -> None:
    """Other people's messages stay as they are."""
    with pytest.raises(BadRequest, match=words):
        await bot.edit_message_text("done", ADA, message_id)


async def test_typing(fake: FakeBotApi, bot: Bot) -> None:
    """Chat actions are recorded with their times."""
    await bot.send_chat_action(GROUP, "typing", message_thread_id=31)
    (action,) = fake.bot().actions
    assert (action.chat_id, action.thread_id, action.action) == (GROUP, 31, "typing")
    assert fake.calls("sendChatAction")


async def test_commands(bot: Bot) -> None:
    """Method setMyCommands is recorded, answerCallbackQuery accepted."""
    await bot.set_my_commands([("new", "a new session")])
    assert [command.command for command in await bot.get_my_commands()] == ["new"]
    assert await bot.answer_callback_query("1")
