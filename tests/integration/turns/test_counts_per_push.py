"""Counts what Telegram turns and scheduled fires cost Postgres, against the bounds of `bench/bounds.toml`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bench import counts
from bench.conversation import AGENT, QUESTION
from bench.processes import free_port
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram.driver import TOKEN
from tests.integration.turns.bounds import QUIET, STAND_STILL, check
from tests.world import World, eventually

SECRET = "secret-of-the-webhook"
CHATS = range(1, 17)
WARM, TURNS = 1, 2
"""Three messages is what a chat may get before Telegram's pace sets in."""
DUE = (
    "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
    " SELECT 'user-' || n, 'news', $1, $2, '{\"type\": \"once\", \"at\": \"2026-01-01T08:00:00Z\"}', 'UTC', now()"
    " FROM generate_series(1, $3::int) AS n"
)
AGENTS = {AGENT: {"kind": "python", "target": "bench.agent:answer"}}


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], webhook_backoff_s=0.05) as server:
        yield server


async def bot(world: World, fake: FakeBotApi, mode: str) -> None:
    """A gateway that receives a bot's messages by that method."""
    port = free_port()
    telegram = {"token": TOKEN, "api_url": fake.url, "access": "open", "mode": mode}
    hook = {"webhook_secret": SECRET} if mode == "webhook" else {}
    url = f"http://127.0.0.1:{port}"
    await world.gateway(port=port, public_url=url, agents=AGENTS, replica=QUIET, telegram=telegram | hook)


async def sent(world: World, chunks: int) -> None:
    """Waits until so many chunks are sent and marked."""

    async def all_marked() -> bool:
        [row] = await world.rows("SELECT count(*) FROM outbox WHERE state = 'sent'")
        return bool(row["count"] == chunks)

    await eventually(all_marked)


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_many_chats_at_once_share_commits(world: World, fake: FakeBotApi, mode: str) -> None:
    """Messages, replies and marks that arrive together are written together."""
    await counts.count_in(world.database_url)
    await bot(world, fake, mode)
    await _everybody_writes(world, fake, WARM)
    await world.rows(STAND_STILL)
    async with counts.counter(world.database_url) as counter:
        begun = await counter.mark()
        for number in range(TURNS):
            await _everybody_writes(world, fake, WARM + number + 1)
        done = await counter.between(begun, await counter.mark())
    check(f"telegram_{mode}", done.per(len(CHATS) * TURNS))


async def _everybody_writes(world: World, fake: FakeBotApi, times: int) -> None:
    for chat in CHATS:
        fake.says(chat, QUESTION)
    await sent(world, len(CHATS) * times)


async def test_schedules_that_are_due_at_once_share_commits(world: World) -> None:
    """One statement fires them, and their turns end together."""
    await counts.count_in(world.database_url)
    gateway = await world.gateway(agents=AGENTS, replica=QUIET)

    async def fire(times: int) -> None:
        await world.rows(DUE, AGENT, QUESTION, len(CHATS))
        gateway.gateway.scheduler.expect(0)
        await eventually(lambda: ended(len(CHATS) * times))

    async def ended(runs: int) -> bool:
        [row] = await world.rows("SELECT count(*) FROM chat_sessions WHERE ended_at IS NOT NULL AND NOT is_active")
        return bool(row["count"] == runs)

    await fire(1)
    async with counts.counter(world.database_url) as counter:
        begun = await counter.mark()
        await fire(2)
        done = await counter.between(begun, await counter.mark())
    check("scheduled_fire", done.per(len(CHATS)))
