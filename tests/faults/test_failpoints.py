"""A gateway that fails at each named place on a message's way: one turn, one reply, at most one repeated chunk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio

from gateway.app.faults.failpoints import Point, read_failpoints
from gateway.cli.checks.all_checks import check_all
from gateway.errors import SettingsError
from tests.fakes.bot_api import FakeBotApi
from tests.faults.resending import all_sent, has_ended, sends_until_acknowledged, sends_until_it_dies
from tests.telegram_settings import telegram
from tests.world import Process, World, eventually

pytestmark = pytest.mark.faults

WEB = (
    "before_t1",
    "after_t1",
    "before_ack",
    "after_ack",
    "agent_start",
    "agent_middle",
    "agent_end",
    "before_t2",
    "after_t2",
)
SENDING = ("before_t2", "after_t2", "before_send", "after_send", "before_t3", "after_t3")
REPEATS = {"after_send": 1, "before_t3": 1}


@pytest_asyncio.fixture
async def bot() -> AsyncIterator[FakeBotApi]:
    """A Bot API server."""
    async with FakeBotApi(conflict_penalty_s=0.1) as fake:
        yield fake


async def failing(world: World, failpoints: dict[Point, str], bot: FakeBotApi | None = None) -> Process:
    """A gateway in its own process that will fail; others consider it dead after a second."""
    variables = {
        "TURNGATE_FAILPOINTS": json.dumps(failpoints),
        "TURNGATE_REPLICA__HEARTBEAT_S": "0.2",
        "TURNGATE_REPLICA__TTL_S": "1",
    }
    if bot is not None:
        channel = telegram(bot)
        variables |= {f"TURNGATE_TELEGRAM__{name.upper()}": value for name, value in channel.items()}
    return await world.process(**variables)


async def settled(world: World) -> None:
    """Waits until the turn has ended."""

    async def ended() -> bool:
        turns = await world.rows("SELECT status FROM turns")
        return bool(turns) and all(turn["status"] not in {"queued", "running"} for turn in turns)

    await eventually(ended)


async def answered_once(world: World, *attempts: int, status: str = "completed") -> None:
    """Checks that there is one turn with its two rows, and nothing else."""
    await settled(world)
    rows = await world.rows("SELECT seq, role FROM chat_messages ORDER BY seq")
    assert rows == [{"seq": 1, "role": "user"}, {"seq": 2, "role": "assistant"}]
    [turn] = await world.rows("SELECT status, attempt FROM turns")
    assert turn["status"] == status
    assert turn["attempt"] in attempts


@pytest.mark.parametrize("point", WEB)
async def test_a_kill_on_the_way_of_a_web_message(world: World, point: Point) -> None:
    """Rows 1, 3–7: killed at the failpoint; the client resends to another replica, and the message is answered once."""
    dying = await failing(world, {point: "kill"})
    healthy = await world.gateway()
    ann = await world.person("ann", dying.url)
    await sends_until_it_dies(ann, dying, "hello", "m1")
    await sends_until_acknowledged(ann, [healthy.url], "hello", "m1")
    await answered_once(world, 1 if point in {"before_t1", "after_t2"} else 2)
    await eventually(lambda: has_ended(dying))


@pytest.mark.parametrize("action", ["drop", "raise"])
@pytest.mark.parametrize("point", WEB)
async def test_a_fault_on_the_way_of_a_web_message(world: World, point: Point, action: str) -> None:
    """Row 13: a connection breaks before or after a commit, or an unexpected error occurs; the client resends."""
    gateway = await world.gateway(failpoints={point: action})
    ann = await world.person("ann", gateway.url)
    await sends_until_acknowledged(ann, [gateway.url], "hello", "m1")
    apologised = (point, action) == ("before_t2", "raise")
    await answered_once(world, 1, 2, status="failed" if apologised else "completed")


@pytest.mark.parametrize("point", SENDING)
async def test_a_kill_on_the_way_of_a_telegram_reply(world: World, bot: FakeBotApi, point: Point) -> None:
    """Rows 7–8: killed around a send; nothing is lost, and only a chunk that was sent but not marked is sent again."""
    dying = await failing(world, {point: "kill"}, bot)
    bot.says(7, "hello")
    await eventually(lambda: has_ended(dying))
    await world.gateway(telegram=telegram(bot))
    await answered_once(world, 1, 2)
    await eventually(lambda: all_sent(world))
    assert len(bot.bot().delivered_to(7)) == 1 + REPEATS.get(point, 0)


async def test_a_kill_between_the_chunks_of_a_reply(world: World, bot: FakeBotApi) -> None:
    """Row 9: killed after the second of five; the rest follows in order, the second at most twice."""
    dying = await failing(world, {"after_send": "kill@2"}, bot)
    bot.says(7, "answer in 18000 characters")
    await eventually(lambda: has_ended(dying))
    await world.gateway(telegram=telegram(bot))
    await eventually(lambda: all_sent(world), within=30)
    chunks = [row["content"] for row in await world.rows("SELECT content FROM outbox ORDER BY item_id")]
    heard = [sent.text for sent in bot.bot().delivered_to(7)]
    assert len(chunks) == 5
    assert heard == [*chunks[:2], *chunks[1:]]


@pytest.mark.parametrize("action", ["drop", "raise"])
@pytest.mark.parametrize("point", [*SENDING, "poll_offset"])
async def test_a_fault_on_the_way_of_a_telegram_message(
    world: World, bot: FakeBotApi, point: Point, action: str
) -> None:
    """Rows 2, 25, 26: there is one reply, repeated only if nobody could know that it had arrived."""
    await world.gateway(telegram=telegram(bot), failpoints={point: action})
    bot.says(7, "hello")
    apologised = (point, action) == ("before_t2", "raise")
    await answered_once(world, 1, status="failed" if apologised else "completed")
    await eventually(lambda: all_sent(world))
    assert len(bot.bot().delivered_to(7)) <= (2 if point == "after_send" else 1)


async def test_a_kill_before_the_offset_moves(world: World, bot: FakeBotApi) -> None:
    """Row 2: an update that was accepted but not confirmed is delivered again, and recognized."""
    dying = await failing(world, {"poll_offset": "kill@2"}, bot)
    bot.says(7, "hello")
    await eventually(lambda: has_ended(dying))
    assert bot.confirmed_offset == 0
    await world.gateway(telegram=telegram(bot))
    await answered_once(world, 1, 2)
    await eventually(lambda: all_sent(world))
    await bot.until(lambda: bot.confirmed_offset > 0)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({"after_tea": "kill"}, "after_tea is not a failpoint"),
        ({"after_t1": "explode"}, "should be kill, raise, drop or pause:SECONDS"),
        ({"after_t1": "pause"}, "should be kill, raise, drop or pause:SECONDS"),
        ({"after_t1": "kill@0"}, "should be kill, raise, drop or pause:SECONDS"),
    ],
)
def test_a_failpoint_that_does_not_exist_is_refused(written: dict[str, str], complaint: str) -> None:
    """With a typo, a test would pass although nothing failed."""
    with pytest.raises(SettingsError, match=complaint):
        read_failpoints(written)


async def test_doctor_warns_about_failpoints(world: World) -> None:
    """It warns about a failpoint, which is meant for tests only."""
    findings = [finding async for finding in check_all(world.settings(failpoints={"after_t1": "kill"}))]
    assert [(finding.name, finding.ok) for finding in findings if finding.name == "failpoints"] == [
        ("failpoints", False)
    ]


def test_every_failpoint_is_reached_by_a_test() -> None:
    """Those of schedules are tested in test_schedules.py."""
    assert set(get_args(Point)) == {*WEB, *SENDING, "poll_offset", "before_fire", "after_fire"}
