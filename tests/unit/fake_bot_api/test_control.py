"""The control API over HTTP."""

import asyncio

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from tests.fakes.bot_api.wire import JsonObject
from tests.unit.fake_bot_api.driver import ADA, Control, polled


async def test_says_and_confirms(control: Control, bot: Bot) -> None:
    """A person's message gets ids; a higher offset confirms it."""
    assert await control.post("messages", {"chat_id": ADA, "text": "hi"}) == (
        201,
        {"update_id": 100_000, "message_id": 1},
    )
    await polled(bot, offset=100_001)
    assert await control.get("offset") == (
        200,
        {"confirmed_offset": 100_001, "next_update_id": 100_001, "pending": []},
    )


async def test_sent_can_be_waited_for(control: Control, bot: Bot) -> None:
    """Reading with `count` and `within` returns once there are that many messages."""
    await control.post("chats", {"chat_id": ADA})
    reading = asyncio.create_task(control.get(f"sent?chat_id={ADA}&count=1&within=5"))
    await bot.send_message(ADA, "hello")
    _, body = await reading
    assert isinstance(body["sent"], list)
    assert [sent["text"] for sent in body["sent"] if isinstance(sent, dict)] == ["hello"]


async def test_calls_are_counted(control: Control, bot: Bot) -> None:
    """Each method's calls are counted and timestamped."""
    await bot.get_me()
    _, body = await control.get("calls?method=getMe")
    assert body["counts"] == {"getMe": 2}


async def test_faults_are_planned_and_cleared(control: Control, bot: Bot) -> None:
    """A fault can be planned, hit and cleared from another process."""
    await control.post("chats", {"chat_id": ADA})
    await control.post("faults", {"kind": "429", "method": "sendMessage", "times": 2})
    with pytest.raises(RetryAfter):
        await bot.send_message(ADA, "hello")
    assert await control.delete("faults") == (204, {})
    assert (await bot.send_message(ADA, "hello")).text == "hello"


async def test_reset(control: Control, bot: Bot) -> None:
    """Everything is forgotten except the bot's identity."""
    await control.post("messages", {"chat_id": ADA, "text": "hi"})
    assert await control.post("reset") == (204, {})
    assert await polled(bot) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("messages", {"text": "hi"}, 400),
        ("messages", {"chat_id": ADA, "colour": "blue"}, 400),
        ("messages", {"chat_id": ADA, "text": "hi", "edit_of": 9}, 404),
        ("faults", {"kind": "weather"}, 400),
        ("redeliveries", {"update_id": 9}, 404),
        ("reset?bot_id=9", None, 404),
    ],
)
async def test_an_invalid_request_is_refused_with_an_error(
    control: Control, path: str, body: JsonObject | None, status: int
) -> None:
    """An invalid request says what is wrong with it."""
    answered, told = await control.post(path, body)
    assert answered == status
    assert told["error"]
    assert "pydantic" not in str(told["error"])
