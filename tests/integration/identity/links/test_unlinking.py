"""An unlinked account receives nothing more, even if it was already on its way."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from gateway.app.running.serve import Running
from tests.fakes.bot_api import FakeBotApi, Fault
from tests.integration.identity.links.unlinking import OPEN, SESSIONS, all_done, unlinks
from tests.integration.lock_waits import waiting
from tests.integration.telegram.driver import ADA
from tests.integration.telegram.linking import told
from tests.world import Person, World, eventually

OUTBOX = "SELECT state, error FROM outbox ORDER BY item_id DESC LIMIT 1"
DEAD = [{"state": "dead", "error": "the account was unlinked"}]


async def test_a_running_answer_stays_with_the_user(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """Neither it nor the answer that waits behind it is sent; the transcript contains both."""
    fake.says(ADA, "wait 2 seconds")
    await eventually(lambda: world.rows(OPEN))
    fake.says(ADA, "and another")

    async def two() -> Any:
        return len(await world.rows(OPEN)) == 2

    await eventually(two)
    before = len(fake.sent(ADA))
    await unlinks(ann)
    assert [row["deliver_to"] for row in await world.rows(OPEN)] == [[], []]
    await all_done(world, gateway)
    assert fake.sent(ADA)[before:] == []
    assert await world.rows(OUTBOX) == DEAD
    [session] = (await ann.gets(SESSIONS))["sessions"]
    assert session["message_count"] == 4


async def test_waiting_chunks_are_not_sent(world: World, fake: FakeBotApi, gateway: Running, ann: Person) -> None:
    """Including chunks that another replica holds than the one that unlinks."""
    fake.fails(Fault("429", method="sendMessage", chat_id=ADA, retry_after=2))
    before = len(fake.sent(ADA))
    fake.says(ADA, "hello")
    await eventually(lambda: world.rows("SELECT 1 FROM outbox WHERE state = 'unsent'"))
    await unlinks(ann)
    assert await world.rows(OUTBOX) == DEAD
    await all_done(world, gateway)
    # The one that Telegram refused, and that was to be sent again.
    assert [sent.delivered for sent in fake.sent(ADA)[before:]] == [False]
    assert await world.rows(OUTBOX) == DEAD


async def test_other_accounts_still_receive_answers(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """Only the unlinked account is removed from a reply's addresses."""
    fake.says(ADA, "wait 2 seconds")
    await eventually(lambda: world.rows(OPEN))
    await world.rows(
        "UPDATE turns SET deliver_to = deliver_to || '{telegram:777:6:0}' WHERE status = 'running' RETURNING 1"
    )
    await unlinks(ann)
    assert [row["deliver_to"] for row in await world.rows(OPEN)] == [["telegram:777:6:0"]]


async def test_a_regenerated_answer_stays_with_the_user(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """A schedule's run is regenerated while the account that receives it is being unlinked."""
    await told(fake, ADA, "hello")
    ann = Person(ann.user, ann.token, gateway.url, ann.http)
    [route] = await world.rows("SELECT route FROM routes WHERE user_id = 'ann'")
    yearly = {"type": "cron", "expression": "0 8 1 1 *"}
    plan = {"name": "n", "prompt": "tell", "trigger": yearly, "deliver_to": [route["route"]]}
    made = await ann.posts("/api/schedules", 201, **plan)
    await ann.posts(f"/api/schedules/{made['id']}/run", 202)
    assert "tell" in (await fake.hears(ADA, within=20))[0].text
    await all_done(world, gateway)
    [run] = await world.rows("SELECT session_id, chat_id FROM chat_sessions WHERE channel = 'scheduled'")
    before = len(fake.sent(ADA))
    outsider = await asyncpg.connect(world.database_url)
    async with outsider.transaction():
        await outsider.execute("SELECT FROM chat_messages WHERE chat_id = $1 FOR UPDATE", run["chat_id"])
        again = asyncio.create_task(ann.calls("POST", f"{SESSIONS}/{run['session_id']}/regenerate", json={}))
        await waiting(world, 1)
        unlinking = asyncio.create_task(unlinks(ann))
        await waiting(world, 2)
    await outsider.close()
    assert (await again)[0] == 200
    await unlinking
    await all_done(world, gateway)
    assert await world.rows(OUTBOX) in (DEAD, [{"state": "sent", "error": None}])
    assert len(fake.sent(ADA)) == before
