"""Message limits hold for a person across channels, for schedules, and for strangers on Telegram."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.core.model import UserId
from tests.fakes.bot_api import FakeBotApi, UserMessage
from tests.integration.telegram.driver import ADA, BOB, TOKEN
from tests.world import World, eventually

SAID = "SELECT content FROM chat_messages WHERE role = 'user' AND user_id = $1"
RUNS = "SELECT user_id FROM chat_sessions WHERE channel = 'scheduled' ORDER BY created_at"


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN]) as server:
        yield server


def telegram(fake: FakeBotApi, **given: Any) -> dict[str, Any]:
    return {"token": TOKEN, "api_url": fake.url, "access": "open", **given}


async def settled(fake: FakeBotApi) -> None:
    """Waits until every message to the bot has been processed."""

    async def empty() -> bool:
        return not fake.bot().queue.pending

    await eventually(empty)


async def test_a_strangers_flood_costs_a_few_calls(world: World, fake: FakeBotApi) -> None:
    """Messages over the limit are dropped, with one notice; others are answered."""
    await world.gateway(telegram=telegram(fake), limits={"visitor_messages_per_minute": 3})
    for number in range(50):
        fake.says(ADA, f"message {number}")
    fake.says(BOB, "hello")
    await settled(fake)
    await fake.hears(BOB, within=20)
    said = [row["content"] for row in await world.rows(SAID, f"telegram:{ADA}")]
    assert said[:3] == ["message 0", "message 1", "message 2"]
    assert len(said) < 10, "one more each 20 s"
    heard = await fake.hears(ADA, count=4, within=20)
    assert sum("limits.visitor_messages_per_minute is 3" in message.text for message in heard) == 1


async def test_messages_from_an_outage_count_by_their_own_time(world: World, fake: FakeBotApi) -> None:
    """They arrive at once: those sent at a permitted rate are answered, and a flood is still a flood."""
    began = int(time.time()) - 3600
    for number in range(6):
        fake.does(UserMessage(ADA, f"message {number}", date=began + 20 * number))
    for number in range(20):
        fake.does(UserMessage(BOB, f"message {number}", date=began))
    await world.gateway(telegram=telegram(fake), limits={"visitor_messages_per_minute": 3})
    await settled(fake)
    assert [len(await world.rows(SAID, f"telegram:{person}")) for person in (ADA, BOB)] == [6, 3]


async def test_commands_count_too(world: World, fake: FakeBotApi) -> None:
    """Each one costs a reply, including commands about links."""
    await world.gateway(telegram=telegram(fake), limits={"visitor_messages_per_minute": 2})
    for number in range(20):
        fake.says(ADA, "/help" if number % 2 else "/link")
    await settled(fake)
    heard = await fake.hears(ADA, count=3, within=20)
    assert sum("limits." in message.text for message in heard) == 1
    assert len(fake.sent(ADA)) < 6


async def test_a_person_without_access_gets_one_notice(world: World, fake: FakeBotApi) -> None:
    """And none about the limit: nothing is stored anyway."""
    await world.gateway(telegram=telegram(fake, access="linked"), limits={"visitor_messages_per_minute": 2})
    for _ in range(20):
        fake.says(ADA, "let me in")
    await settled(fake)
    [heard] = await fake.hears(ADA, within=20)
    assert "not linked" in heard.text


async def test_one_person_has_one_limit(world: World, fake: FakeBotApi) -> None:
    """Across HTTP, sockets, Telegram and runs of schedules."""
    gateway = await world.gateway(
        telegram=telegram(fake, allow=(f"{ADA}=ann",)), limits={"token_messages_per_minute": 3}
    )
    ann = await world.person("ann", gateway.url)
    session = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    schedule = await ann.posts(
        "/api/schedules", 201, name="Now", prompt="hi", trigger={"type": "interval", "seconds": 3600}
    )
    await ann.posts(f"/api/chat/sessions/{session}/messages", 200, text="over HTTP")
    await (await ann.connects()).asks("on a socket", "1")
    fake.says(ADA, "on Telegram")
    await fake.hears(ADA, within=20)
    problem = await ann.posts(f"/api/schedules/{schedule['id']}/run", 429)
    assert "limits.token_messages_per_minute is 3" in problem["detail"]
    fake.says(ADA, "once more")
    [refusal] = await fake.hears(ADA, within=20)
    assert "limits.token_messages_per_minute is 3" in refusal.text


async def test_a_fire_over_the_limit_is_postponed(world: World) -> None:
    """It stays due, delays no others, and runs once its owner may send another message."""
    gateway = await world.gateway(limits={"token_messages_per_minute": 1})
    rates = gateway.gateway.engine.message_rates
    rates.check(UserId("ann"))
    await world.rows(
        "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
        " SELECT name, 'due', 'assistant', 'hi', '{\"type\": \"interval\", \"seconds\": 3600}', 'UTC', now() - age"
        " FROM (VALUES ('ann', interval '2 s'), ('bob', interval '1 s')) AS due (name, age)"
    )
    assert [row["user_id"] for row in await eventually(lambda: world.rows(RUNS))] == ["bob"]
    rates.put_back(UserId("ann"))

    async def both() -> bool:
        return [row["user_id"] for row in await world.rows(RUNS)] == ["bob", "ann"]

    await eventually(both)
