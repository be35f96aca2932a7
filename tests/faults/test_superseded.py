"""A gateway dies during a turn that a newer message or its user has ended: it ends once, and is taken back completely or not at all."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from gateway.app.faults.failpoints import Point
from gateway.core.turns.replies import STOPPED
from tests.faults.resending import has_ended
from tests.strategies import demo, statuses
from tests.world import Process, Socket, World, eventually

pytestmark = pytest.mark.faults

Strategy = Literal["interrupt", "rollback"]
DELAY_S = 0.05
AROUND_T2: tuple[Point, ...] = ("before_t2", "after_t2")


def kept(strategy: str) -> list[tuple[int, str, bool]]:
    """Rows of two questions, the second sent while the first was answered: seq, role, deleted."""
    back = strategy == "rollback"
    return [(1, "user", back), (2, "user", False), (3, "assistant", back), (4, "assistant", False)]


async def ended_as(world: World, strategy: str) -> list[str]:
    """Waits for both turns to end; returns the assistant's texts."""

    async def both() -> bool:
        return await statuses(world) == ["cancelled", "completed"]

    await eventually(both)
    rows = await world.rows(
        "SELECT seq, role, content, deleted_at IS NOT NULL AS deleted FROM chat_messages ORDER BY seq"
    )
    assert [(row["seq"], row["role"], row["deleted"]) for row in rows] == kept(strategy)
    [session] = await world.rows("SELECT last_seq, message_count FROM chat_sessions")
    assert session == {"last_seq": 4, "message_count": 2 if strategy == "rollback" else 4}
    return [row["content"] for row in rows if row["role"] == "assistant"]


async def doomed(world: World, point: Point, strategy: str) -> Process:
    """A gateway that kills itself at the failpoint, with a slow agent."""
    return await world.process(
        TURNGATE_FAILPOINTS=json.dumps({point: "kill@5" if point == "agent_middle" else "kill"}),
        TURNGATE_AGENTS=json.dumps(demo(strategy, delay_s=DELAY_S)),
        TURNGATE_REPLICA__HEARTBEAT_S="0.2",
        TURNGATE_REPLICA__TTL_S="1",
    )


async def speaking(socket: Socket) -> str:
    """Begins a long answer; returns its session."""
    await socket.says(type="send", id="m1", text="answer in 5000 characters")
    ack = await socket.hears("ack", id="m1")
    await socket.hears("delta")
    return str(ack["session_id"])


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
@pytest.mark.parametrize("point", AROUND_T2)
async def test_killed_around_the_end_of_a_superseded_turn(world: World, point: Point, strategy: Strategy) -> None:
    """Row 6: a turn cut short by a newer message ends once, whether its gateway died before or after recording that."""
    dying, healthy = await doomed(world, point, strategy), await world.gateway(agents=demo(strategy))
    ann = await world.person("ann", dying.url)
    session_id = await speaking(await ann.connects())
    ann.url = healthy.url
    other = await ann.connects(session_id=session_id)
    await other.says(type="send", id="m2", text="hello")
    said = await ended_as(world, strategy)
    assert said[1].startswith("Hello")
    await eventually(lambda: has_ended(dying))


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_a_turn_of_a_dead_gateway_is_superseded(world: World, strategy: Strategy) -> None:
    """Row 4: its gateway died during the answer; the newer message ends it, and the replica that takes it over calls no agent."""
    dying, healthy = await doomed(world, "agent_middle", strategy), await world.gateway(agents=demo(strategy))
    ann = await world.person("ann", dying.url)
    session_id = await speaking(await ann.connects())
    await eventually(lambda: has_ended(dying))
    ann.url = healthy.url
    other = await ann.connects(session_id=session_id)
    await other.says(type="send", id="m2", text="hello")
    stopped, answer = await ended_as(world, strategy)
    assert stopped == STOPPED
    assert answer.startswith("Hello")


@pytest.mark.parametrize("point", [*AROUND_T2, "agent_middle"])
async def test_killed_with_a_turn_that_its_user_stopped(world: World, point: Point) -> None:
    """Rows 4, 6: stopped before or after its gateway died, the turn ends once, and the next one is answered."""
    dying, healthy = await doomed(world, point, "enqueue"), await world.gateway(agents=demo("enqueue"))
    ann = await world.person("ann", dying.url)
    session_id = await speaking(await ann.connects())
    if point == "agent_middle":
        await eventually(lambda: has_ended(dying))
    ann.url = healthy.url
    other = await ann.connects(session_id=session_id)
    [turn] = await world.rows("SELECT turn_id::text FROM turns")
    await other.says(type="cancel", turn_id=turn["turn_id"])
    await eventually(lambda: has_ended(dying))

    async def ended() -> bool:
        return await statuses(world) == ["cancelled"]

    await eventually(ended)
    assert (await other.asks("hello", "m2"))["content"].startswith("Hello")
    rows = await world.rows("SELECT role, deleted_at FROM chat_messages ORDER BY seq")
    assert [(row["role"], row["deleted_at"]) for row in rows] == [("user", None), ("assistant", None)] * 2
