"""Telegram under faults: updates and replies that are lost, doubled or refused, and which replica polls when another fails."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from channels.telegram.target import Target
from gateway.app.running.serve import Running
from tests.fakes.bot_api import FakeBotApi, Fault
from tests.integration.telegram.driver import ADA, BOB, TEAM, TOKEN
from tests.world import Process, World, eventually

pytestmark = pytest.mark.faults

GROUP = -77
WITHIN_S = 30.0
SECRET = "wh-secret-of-this-test"
ASKED = "SELECT content FROM chat_messages WHERE role = 'user' ORDER BY created_at, seq"


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as server:
        yield server


def settings(fake: FakeBotApi, **given: Any) -> dict[str, Any]:
    return {"token": TOKEN, "api_url": fake.url, "access": "open", **given}


async def replica(world: World, fake: FakeBotApi, name: str = "first", **failpoints: str) -> Process:
    """A gateway in its own process."""
    return await world.process(
        name,
        TURNGATE_TELEGRAM__TOKEN=TOKEN,
        TURNGATE_TELEGRAM__API_URL=fake.url,
        TURNGATE_TELEGRAM__ACCESS="open",
        TURNGATE_SECRET_KEY="of-all-replicas-together-32-bytes",
        TURNGATE_FAILPOINTS=json.dumps(failpoints),
    )


async def asked(world: World) -> list[str]:
    """The users' messages, as they were stored."""
    return [row["content"] for row in await world.rows(ASKED)]


async def marks(world: World, *states: str) -> None:
    """Waits until the chunks have that state."""

    async def marked() -> bool:
        found = await world.rows("SELECT state FROM outbox ORDER BY item_id")
        return [row["state"] for row in found] == [*states]

    await eventually(marked)


async def running_turns(world: World) -> list[dict[str, Any]]:
    return await world.rows("SELECT 1 FROM turns WHERE status = 'running'")


async def polls(gateway: Running) -> None:
    """Waits until the gateway polls the bot."""

    async def ready() -> bool:
        [network] = gateway.gateway.engine.networks
        return network.status.state == "ready"

    await eventually(ready)


def delivered(fake: FakeBotApi, chat_id: int) -> list[str]:
    return [sent.text for sent in fake.bot().delivered_to(chat_id)]


@pytest.mark.parametrize(
    ("failpoint", "kept"),
    [({"before_t1": "kill"}, 0), ({"after_t1": "kill"}, 1), ({"poll_offset": "kill@2"}, 1)],
    ids=["before T1", "after T1", "before the offset"],
)
async def test_a_replica_killed_while_it_accepts_a_message(
    world: World, fake: FakeBotApi, failpoint: dict[str, str], kept: int
) -> None:
    """Rows 1 and 2: unconfirmed updates are fetched again, stored ones are recognized, and one reply is sent."""
    dying = await replica(world, fake, **failpoint)
    said = fake.says(ADA, "wait 1 seconds")
    async with asyncio.timeout(WITHIN_S):
        await dying.process.wait()
    assert dying.process.returncode == -signal.SIGKILL
    assert len(await asked(world)) == kept
    assert [update.update_id for update in fake.bot().queue.pending] == [said.update_id]
    await replica(world, fake)
    await fake.hears(ADA, within=WITHIN_S)
    await fake.until(lambda: fake.confirmed_offset == said.update_id + 1, WITHIN_S)
    assert await asked(world) == ["wait 1 seconds"]
    assert len(delivered(fake, ADA)) == 1


@pytest.mark.parametrize("action", ["drop", "raise"])
@pytest.mark.parametrize("point", ["before_t1", "after_t1", "poll_offset"])
async def test_a_fault_while_a_message_is_accepted(world: World, fake: FakeBotApi, point: str, action: str) -> None:
    """Rows 1 and 2: whether the error is expected or not, the same replica gets the message again, and one reply is sent."""
    times = 2 if point == "poll_offset" else 1
    await world.gateway(telegram=settings(fake), failpoints={point: f"{action}@{times}"})
    said = fake.says(ADA, "hello")
    await fake.hears(ADA, within=WITHIN_S)
    await fake.until(lambda: fake.confirmed_offset == said.update_id + 1, WITHIN_S)
    assert await asked(world) == ["hello"]
    assert len(delivered(fake, ADA)) == 1


async def test_eight_webhook_calls_with_one_update_make_one_turn(world: World, fake: FakeBotApi) -> None:
    """Row 20: at two replicas at once; each call is answered with 200."""
    webhook = settings(fake, mode="webhook", webhook_secret=SECRET)
    both = [
        await world.gateway(data_dir=name, public_url="http://127.0.0.1:9", telegram=webhook) for name in ("one", "two")
    ]
    for gateway in both:
        await polls(gateway)
    person = {"id": ADA, "is_bot": False, "first_name": "Ada"}
    message = {"message_id": 1, "date": 1, "chat": {"id": ADA, "type": "private"}, "from": person, "text": "hello"}
    fake.bot().chat(ADA)
    http = await world.http()

    async def calls(gateway: Running) -> int:
        async with http.post(
            f"{gateway.url}/webhooks/telegram",
            json={"update_id": 1, "message": message},
            headers={"X-Telegram-Bot-Api-Secret-Token": SECRET},
        ) as response:
            return response.status

    assert await asyncio.gather(*(calls(gateway) for gateway in both * 4)) == [200] * 8
    await fake.hears(ADA, within=WITHIN_S)
    assert await asked(world) == ["hello"]
    assert len(await world.rows("SELECT 1 FROM turns")) == 1
    assert len(delivered(fake, ADA)) == 1


async def test_malformed_updates_in_a_batch(world: World, fake: FakeBotApi) -> None:
    """Row 22: they are quarantined, and all other updates of the batch are answered."""
    fake.says(ADA, "one")
    fake.injects({"message": {"chat": {"id": ADA, "type": "private"}, "text": 5}})
    fake.says(ADA, "two")
    fake.injects({"message": []})
    last = fake.says(BOB, "three")
    await world.gateway(telegram=settings(fake))
    await fake.hears(ADA, count=2, within=WITHIN_S)
    await fake.hears(BOB, within=WITHIN_S)
    await fake.until(lambda: fake.confirmed_offset == last.update_id + 1, WITHIN_S)
    assert sorted(await asked(world)) == ["one", "three", "two"]
    assert len(await world.rows("SELECT 1 FROM quarantine")) == 2


@asynccontextmanager
async def foreign_poller(fake: FakeBotApi) -> AsyncIterator[list[int]]:
    """Another program that polls the same bot without confirming anything; collects the statuses of the responses."""
    statuses: list[int] = []

    async def poll() -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                async with http.get(f"{fake.url}/bot{TOKEN}/getUpdates", params={"timeout": "1"}) as answer:
                    statuses.append(answer.status)
                await asyncio.sleep(0.2)

    polling = asyncio.create_task(poll())
    try:
        yield statuses
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling


async def test_two_replicas_and_a_foreign_poller(world: World, fake: FakeBotApi) -> None:
    """Row 23: calls are refused with 409, and each message is answered once."""
    await world.gateway(data_dir="one", telegram=settings(fake))
    await world.gateway(data_dir="two", telegram=settings(fake))
    said = ["one", "two", "three"]
    async with foreign_poller(fake) as statuses:
        for text in said:
            fake.says(ADA, text)
            await fake.hears(ADA, within=WITHIN_S)
        await fake.until(lambda: 409 in statuses, WITHIN_S)
    assert await asked(world) == said
    assert len(delivered(fake, ADA)) == 3


async def test_a_frozen_poller_is_replaced_and_steps_back(world: World, fake: FakeBotApi) -> None:
    """Row 23: another replica answers what it had fetched; once thawed, it answers nothing again and no longer polls."""
    first = await replica(world, fake, "first")
    fake.says(ADA, "one")
    await fake.hears(ADA, within=WITHIN_S)
    await replica(world, fake, "second")
    first.process.send_signal(signal.SIGSTOP)
    fake.says(ADA, "two")
    await fake.hears(ADA, within=WITHIN_S)
    first.process.send_signal(signal.SIGCONT)

    async def stepped_back() -> bool:
        return "telegram_poller_replaced" in first.log.read_text()

    await eventually(stepped_back)
    fake.says(ADA, "three")
    await fake.hears(ADA, within=WITHIN_S)
    assert await asked(world) == ["one", "two", "three"]
    assert len(delivered(fake, ADA)) == 3


@pytest.mark.parametrize("fault", [Fault("lost"), Fault("5xx", delivers=True)], ids=lambda fault: fault.kind)
async def test_a_chunk_whose_response_was_lost_is_sent_again(world: World, fake: FakeBotApi, fault: Fault) -> None:
    """Row 25: it may have arrived, and a repeated reply is better than none; it is marked once."""
    await world.gateway(telegram=settings(fake))
    fake.fails(Fault(fault.kind, method="sendMessage", delivers=fault.delivers))
    fake.says(ADA, "hello")
    first, again = await fake.hears(ADA, count=2, within=WITHIN_S)
    assert first.text == again.text
    await marks(world, "sent")
    assert len(delivered(fake, ADA)) == 2


async def test_a_reply_while_connections_are_refused_arrives_once(world: World, fake: FakeBotApi) -> None:
    """Row 26: it never left, so it is sent again and arrives once."""
    await world.gateway(telegram=settings(fake))
    fake.says(ADA, "wait 1 seconds")
    await eventually(lambda: running_turns(world))
    await fake.stop()
    await eventually(lambda: world.rows("SELECT 1 FROM outbox WHERE state = 'unsent'"))
    await fake.start()
    await fake.hears(ADA, within=WITHIN_S)
    fake.says(ADA, "and now?")
    await fake.hears(ADA, within=WITHIN_S)
    assert len(delivered(fake, ADA)) == 2
    await marks(world, "sent", "sent")


async def test_a_blocked_bot_marks_the_reply_dead_and_the_session_continues(world: World, fake: FakeBotApi) -> None:
    """Row 27: nothing is retried or waits behind it, and a user who unblocks the bot finds the conversation."""
    await world.gateway(telegram=settings(fake))
    fake.says(ADA, "wait 1 seconds")
    await eventually(lambda: running_turns(world))
    fake.blocks(ADA)
    await marks(world, "dead")
    fake.blocks(ADA, blocked=False)
    fake.says(ADA, "what was my last question?")
    [answer] = await fake.hears(ADA, within=WITHIN_S)
    assert "wait 1 seconds" in answer.text
    assert len(await world.rows("SELECT 1 FROM chat_sessions")) == 1


async def test_a_group_that_becomes_a_supergroup_keeps_its_history(world: World, fake: FakeBotApi) -> None:
    """Row 27: the service messages rename its route, and later questions are answered with the earlier history."""
    await world.gateway(telegram=settings(fake))
    fake.says(GROUP, "remember the harbour", from_id=ADA)
    await fake.hears(GROUP, within=WITHIN_S)
    fake.migrates(GROUP, TEAM, from_id=ADA)
    fake.says(TEAM, "what was my last question?", from_id=ADA)
    [answer] = await fake.hears(TEAM, within=WITHIN_S)
    assert "harbour" in answer.text
    assert await world.rows("SELECT route FROM chat_sessions") == [{"route": Target(777, TEAM).route}]


@pytest.mark.parametrize("told", [True, False], ids=["told by service messages", "told by the refusal"])
async def test_a_reply_on_its_way_to_a_group_that_moves_arrives(world: World, fake: FakeBotApi, told: bool) -> None:
    """Row 27: it arrives under the new id, and the next message there continues the same session."""
    await world.gateway(telegram=settings(fake))
    fake.says(GROUP, "wait 1 seconds", from_id=ADA)
    await eventually(lambda: running_turns(world))
    if told:
        fake.migrates(GROUP, TEAM, from_id=ADA)
    else:
        fake.bot().chat(TEAM)
        fake.bot().chat(GROUP).migrated_to = TEAM
    await fake.hears(TEAM, within=WITHIN_S)
    fake.says(TEAM, "what was my last question?", from_id=ADA)
    [answer] = await fake.hears(TEAM, within=WITHIN_S)
    assert "wait 1 seconds" in answer.text
    assert await world.rows("SELECT route FROM chat_sessions") == [{"route": Target(777, TEAM).route}]
    assert delivered(fake, GROUP) == []
