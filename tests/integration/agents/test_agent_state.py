"""What agents receive of the session's state, and their changes to it: stored with their reply, or not at all."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from gateway.app.running.serve import Running
from tests.integration.sessions.saved_state import new_session, writes
from tests.world import Person, World, eventually


async def with_agent(world: World, target: str, **given: Any) -> tuple[Running, Person]:
    """A gateway with one of the agents in `noting_agents`, and its user."""
    agent = {"kind": "python", "target": f"tests.integration.agents.noting_agents:{target}", "state": True, **given}
    gateway = await world.gateway(agents={"assistant": agent}, sessions={"max_state": 2_000})
    return gateway, await world.person("mia", gateway.url)


async def says(person: Person, path: str, text: str) -> str:
    """Returns the agent's answer."""
    reply: str = (await person.posts(f"{path}/messages", 200, text=text))["reply"]["content"]
    return reply


async def test_the_demo_agent_keeps_notes(world: World) -> None:
    """P-4: the next turn reads what one turn wrote, and so does the client."""
    gateway = await world.gateway(agents={"assistant": {"kind": "demo", "state": True}})
    mia = await world.person("mia", gateway.url)
    path = await new_session(mia)
    assert await says(mia, path, "note: buy milk") == "Noted."
    assert await says(mia, path, "Note: call Ann, then Bob") == "Noted."
    assert await says(mia, path, "what are my notes?") == "- buy milk\n- call Ann, then Bob"
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == {"notes": ["buy milk", "call Ann, then Bob"]}


async def test_an_agent_sets_and_removes_keys(world: World) -> None:
    """Other keys stay, including the client's; None removes one; of two changes the later counts."""
    _, mia = await with_agent(world, "counts")
    path = await new_session(mia)
    assert await says(mia, path, "go") == "0 {} {}"
    await writes(mia, path, '"1"', blackboard={"mine": 1, "turn0": True})
    assert await says(mia, path, "go") == "2 {'mine': 1, 'turn0': True} {'a': 2}"
    assert (await mia.gets(f"{path}/state"))["blackboard"] == {"mine": 1, "turns": 2, "turn1": True}


async def test_the_demo_agent_keeps_notes_in_a_list(world: World) -> None:
    """If the client keeps the scratchpad as a list."""
    mia = await world.person("mia", (await world.gateway(agents={"assistant": {"kind": "demo", "state": True}})).url)
    path = await new_session(mia)
    await writes(mia, path, '"0"', scratchpad=["buy milk"])
    assert await says(mia, path, "note: call Ann") == "Noted."
    assert await says(mia, path, "my notes") == "- buy milk\n- call Ann"
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == ["buy milk", "call Ann"]


async def test_keys_are_not_set_in_a_list(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The list and the reply stay, and the log says why."""
    _, mia = await with_agent(world, "counts")
    path = await new_session(mia)
    await writes(mia, path, '"0"', scratchpad=["a note"])
    assert await says(mia, path, "go") == "1 {} ['a note']"
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == ["a note"]
    assert "the scratchpad is a list" in capsys.readouterr().out


async def test_an_agent_that_did_not_ask_is_given_none(world: World) -> None:
    """`state = false`, the default: nothing is read for it."""
    _, mia = await with_agent(world, "counts", state=False)
    assert await says(mia, await new_session(mia), "go") == "nothing"


@pytest.mark.parametrize("lengths", [["3000"], ["1500", "1500"]], ids=["at once", "bit by bit"])
async def test_what_makes_the_state_too_large_fails_alone(
    world: World, lengths: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The reply is stored, the change is not, and the log says why."""
    _, mia = await with_agent(world, "writes_much")
    path = await new_session(mia)
    assert [await says(mia, path, length) for length in lengths] == ["done"] * len(lengths)
    assert len((await mia.gets(f"{path}/state"))["attributes"]) == len(lengths) - 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "state_change_refused" in line]
    assert "sessions.max_state allows" in told


@pytest.mark.parametrize(
    ("strategy", "scratchpad"), [("interrupt", {"one": True, "two": True}), ("rollback", {"two": True})]
)
async def test_a_partial_reply_keeps_its_changes(world: World, strategy: str, scratchpad: Any) -> None:
    """The changes of an interrupted turn stay, like its text; those of a rolled back one are undone."""
    _, mia = await with_agent(world, "writes_and_waits", multitask_strategy=strategy)
    path = await new_session(mia)
    watcher = await mia.connects(session_id=path.rpartition("/")[2])
    await watcher.says(type="send", id="1", text="one")
    await watcher.hears("delta")
    assert await says(mia, path, "two") == "I began."
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == scratchpad


async def test_a_failed_attempt_changes_nothing(world: World) -> None:
    """Only the successful attempt does."""
    _, mia = await with_agent(world, "fails")
    path = await new_session(mia)
    assert await says(mia, path, "go") == "done"
    assert (await mia.gets(f"{path}/state"))["scratchpad"] == {"attempt 2": True}


async def test_an_agents_change_is_saved_by_itself(world: World) -> None:
    """P-1: like any other change to the state."""
    gateway = await world.gateway(
        agents={"assistant": {"kind": "demo", "state": True}}, snapshots={"quiet_s": 0.2, "every_s": 30}
    )
    mia = await world.person("mia", gateway.url)
    path = await new_session(mia)
    await says(mia, path, "note: buy milk")

    async def taken() -> Any:
        return (await mia.gets(f"{path}/snapshots"))["snapshots"]

    (snapshot,) = await eventually(taken)
    assert (snapshot["reason"], snapshot["message_seq"]) == ("auto", 2)


async def test_a_restore_reaches_the_agent(world: World) -> None:
    """It continues from the restored state."""
    mia = await world.person("mia", (await world.gateway(agents={"assistant": {"kind": "demo", "state": True}})).url)
    path = await new_session(mia)
    await says(mia, path, "note: one")
    await mia.posts(f"{path}/snapshots", 201)
    await says(mia, path, "note: two")
    await mia.posts(f"{path}/snapshots/latest/restore", 200)
    assert await says(mia, path, "my notes") == "- one"


async def test_a_cancel_while_the_state_is_read_is_heard(world: World) -> None:
    """The agent is not called any more."""
    mia = await world.person("mia", (await world.gateway(agents={"assistant": {"kind": "demo", "state": True}})).url)
    socket = await mia.connects()
    holder = await asyncpg.connect(world.database_url)
    holding = holder.transaction()
    await holding.start()
    await holder.execute("LOCK TABLE session_states IN ACCESS EXCLUSIVE MODE")
    await socket.says(type="send", id="1", text="wait 60 seconds")
    turn = (await socket.hears("turn", status="running"))["turn_id"]
    await mia.posts(f"/api/turns/{turn}/cancel", 202)
    await holding.rollback()
    await holder.close()
    await socket.hears("turn", status="cancelled")
