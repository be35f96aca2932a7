"""All channels at once, on three replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.fakes.bot_api import FakeBotApi
from tests.telegram_settings import telegram
from tests.world import Person, World, eventually

pytestmark = pytest.mark.acceptance


async def chats(person: Person, count: int) -> None:
    """Sends `count` messages over one socket, each after the answer to the one before."""
    socket = await person.connects()
    for number in range(count):
        await socket.asks(f"message {number}", f"m{number}")


async def test_three_channels_on_three_replicas(world: World) -> None:
    """C-1: every message has one turn, every turn one reply, and every row its channel, in order and without gaps."""
    async with FakeBotApi(conflict_penalty_s=0.1) as bot:
        names = ("one", "two", "three")
        gateways = [await world.gateway(data_dir=name, telegram=telegram(bot)) for name in names]
        people = [await world.person(f"user{n}", gateways[n % 3].url) for n in range(6)]
        for number in range(3):
            await people[number].schedules_soon(name=f"s{number}")
        for number in range(5):
            for chat in (101, 102, 103):
                bot.says(chat, f"message {number}")
        await asyncio.gather(*(chats(person, 5) for person in people))
        for chat in (101, 102, 103):
            await bot.hears(chat, count=5, within=30)

        async def settled() -> bool:
            rows = await world.rows("SELECT status FROM turns")
            return len(rows) == 3 + 15 + 30 and {row["status"] for row in rows} == {"completed"}

        await eventually(settled)

    sessions = await world.rows("SELECT chat_id, channel, last_seq, message_count FROM chat_sessions")
    assert Counter(session["channel"] for session in sessions) == {"scheduled": 3, "telegram": 3, "web": 6}
    for session in sessions:
        rows: list[dict[str, Any]] = await world.rows(
            "SELECT seq, role, turn_id FROM chat_messages WHERE chat_id = $1 ORDER BY seq", session["chat_id"]
        )
        assert [row["seq"] for row in rows] == list(range(1, session["last_seq"] + 1))
        roles = Counter((row["turn_id"], row["role"]) for row in rows)
        assert set(roles.values()) == {1}
