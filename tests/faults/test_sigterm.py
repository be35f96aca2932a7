"""SIGTERM under load: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.fakes.bot_api import FakeBotApi
from tests.faults.resending import all_sent, sends_until_acknowledged
from tests.telegram_settings import telegram
from tests.world import Person, World, eventually

pytestmark = pytest.mark.faults
PEOPLE, MESSAGES, CHATS = 8, 6, 5


async def chats(person: Person, urls: list[str]) -> None:
    """Sends one message after another, waiting for each ack but not for the answers."""
    for number in range(MESSAGES):
        await sends_until_acknowledged(person, urls, f"wait {number % 3} seconds", f"m{number}")


async def test_sigterm_under_load(world: World) -> None:
    """Row 11: web and Telegram, during turns and sends; every message has one turn, one reply and one delivery."""
    async with FakeBotApi(conflict_penalty_s=0.1) as bot:
        stopping = await world.process(
            TURNGATE_TELEGRAM__TOKEN="42:secret-of-the-bot",
            TURNGATE_TELEGRAM__API_URL=bot.url,
            TURNGATE_TELEGRAM__ACCESS="open",
        )
        other = await world.gateway(telegram=telegram(bot))
        people = [await world.person(f"user{number}", stopping.url) for number in range(PEOPLE)]
        talking = asyncio.gather(*(chats(person, [stopping.url, other.url]) for person in people))
        for number in range(CHATS * 3):
            bot.says(101 + number % CHATS, f"message {number}, answer in 5000 characters")
        await bot.until(lambda: len(bot.sent()) > 3, within=20)
        assert await stopping.stops() < 10
        await talking

        async def quiet() -> bool:
            turns = await world.rows("SELECT status FROM turns")
            done = sum(turn["status"] == "completed" for turn in turns)
            return done == len(turns) == PEOPLE * MESSAGES + CHATS * 3 and await all_sent(world)

        await eventually(quiet, within=40)
        items = await world.rows("SELECT address, content FROM outbox ORDER BY item_id")
        for chat in range(101, 101 + CHATS):
            due = [item["content"] for item in items if item["address"] == f"telegram:42:{chat}:0"]
            assert [sent.text for sent in bot.bot().delivered_to(chat)] == due
    rows = await world.rows("SELECT turn_id, role FROM chat_messages")
    assert set(Counter((row["turn_id"], row["role"]) for row in rows).values()) == {1}
    assert len(rows) == 2 * (PEOPLE * MESSAGES + CHATS * 3)
