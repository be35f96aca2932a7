"""Faults while a question of an agent waits: it stays, is answered once, and its turn has one reply."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.faults.final_rows import read_rows
from tests.faults.invariants import Evidence, check_replies
from tests.faults.resending import has_ended
from tests.world import Frame, Person, Socket, World, eventually

pytestmark = pytest.mark.faults

QUICK = {"TURNGATE_REPLICA__HEARTBEAT_S": "0.2", "TURNGATE_REPLICA__TTL_S": "1"}


async def asked(socket: Socket) -> tuple[str, str]:
    """The ids of a turn that waits, and of its question."""
    await socket.says(type="send", id="k1", text="ask me first")
    ack = await socket.hears("ack", id="k1")
    row = (await socket.hears_reply(ack["turn_id"]))["message"]
    await socket.hears("turn", status="waiting")
    return ack["turn_id"], row["parts"][-1]["data"]["approvalId"]


async def answers(person: Person, approval_id: str, choice: str = "Allow") -> int:
    """The status of an answer over HTTP."""
    status, _ = await person.calls("POST", f"/api/approvals/{approval_id}", json={"choice": choice})
    return status


async def replied(world: World) -> None:
    """Waits until the turn has its reply, and checks that it is the only one."""

    async def done() -> bool:
        return [turn["status"] for turn in await world.rows("SELECT status FROM turns")] == ["completed"]

    await eventually(done)
    rows = await world.rows("SELECT role FROM chat_messages ORDER BY seq")
    assert [row["role"] for row in rows] == ["user", "assistant", "assistant"]


async def test_a_question_survives_its_gateway(world: World) -> None:
    """Killed while it waits: it is still there, is answered once at another gateway, and there is one reply."""
    first = await world.process("one", **QUICK)
    ann = await world.person("ann", first.url)
    _, approval = await asked(await ann.connects())
    await first.dies()
    assert list(check_replies(Evidence(await read_rows(world.database_url)))) == []
    second = await world.process("two", **QUICK)
    ann.url = second.url
    [left] = (await ann.gets("/api/approvals"))["approvals"]
    assert left["id"] == approval
    assert [await answers(ann, approval), await answers(ann, approval, "Deny")] == [200, 409]
    await replied(world)


async def test_an_answer_survives_the_gateway_that_took_it(world: World) -> None:
    """Killed at the start of the agent's next call: another gateway continues the turn with the same answer."""
    failing = {**QUICK, "TURNGATE_FAILPOINTS": json.dumps({"agent_start": "kill@2"})}
    first = await world.process("one", **failing)
    ann = await world.person("ann", first.url)
    _, approval = await asked(await ann.connects())
    second = await world.process("two", **QUICK)
    assert await answers(ann, approval) == 200
    ann.url = second.url
    await replied(world)
    [turn] = await world.rows("SELECT attempt, questions FROM turns")
    assert turn["questions"] == 1


@pytest.mark.parametrize("point", ["before_t2", "after_t2"])
async def test_a_gateway_is_killed_while_it_asks(world: World, point: str) -> None:
    """The question is recorded completely or not at all; another gateway has it asked once."""
    first = await world.process("one", **QUICK, TURNGATE_FAILPOINTS=json.dumps({point: "kill"}))
    ann = await world.person("ann", first.url)
    socket = await ann.connects()
    await socket.says(type="send", id="k1", text="ask me first")
    await socket.hears("ack", id="k1")
    await eventually(lambda: has_ended(first))
    ann.url = (await world.process("two", **QUICK)).url

    async def asks() -> list[Frame]:
        return list((await ann.gets("/api/approvals"))["approvals"])

    [question] = await eventually(asks)
    assert await answers(ann, question["id"]) == 200
    await replied(world)


async def test_two_replicas_answer_at_once(world: World) -> None:
    """One answer counts, wherever it came from; followers on both replicas see it and the reply."""
    one, two = await world.gateway(data_dir="one"), await world.gateway(data_dir="two")
    here = await world.person("ann", one.url)
    there = await world.person("ann", two.url)
    socket = await here.connects()
    turn_id, approval = await asked(socket)
    other = await there.connects()
    await other.hears("turn", status="waiting", turn_id=turn_id)
    statuses = await asyncio.gather(*(answers(person, approval) for person in (here, there, here, there)))
    assert sorted(statuses) == [200, 409, 409, 409]
    for listener in (socket, other):
        changed = (await listener.hears("message_changed"))["message"]
        assert changed["parts"][-1]["data"]["state"] == "answered"
        await listener.hears_reply(turn_id)
    await replied(world)


async def test_a_question_expires_without_the_gateway_that_asked(world: World) -> None:
    """Two replicas sweep at once after a crash: the default counts, once."""
    first = await world.process("one", **QUICK)
    ann = await world.person("ann", first.url)
    await asked(await ann.connects())
    await first.dies()
    await world.rows("UPDATE approvals SET expires_at = now()")
    await asyncio.gather(world.gateway(data_dir="two"), world.gateway(data_dir="three"))
    await replied(world)
    [approval] = await world.rows("SELECT answer, answered_by FROM approvals")
    assert (approval["answer"], approval["answered_by"]) == ("Deny", None)
