"""Conversations of agents of kind `pydantic_ai`: the library's own messages, kept with the session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.agents import pydantic_agents
from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.world import Person, World

HERE = "tests.integration.agents.pydantic_agents"


def agents(name: str = "recalling", **keys: object) -> dict[str, Any]:
    """Settings of a gateway whose agent is one of those in `pydantic_agents`."""
    return {"agents": {"assistant": {"kind": "pydantic_ai", "target": f"{HERE}:{name}", **keys}}}


async def mia_at(world: World, name: str = "recalling", **keys: object) -> Person:
    """A user of a gateway with that agent."""
    return await world.person("mia", (await world.gateway(**agents(name, **keys))).url)


ROLLED = "user roll, call roll, return 4 of 6 for mia, text shown"


async def test_the_next_turn_sees_the_librarys_own_messages(world: World) -> None:
    """A tool's call and its result, of which the transcript's text says nothing."""
    mia = await mia_at(world)
    session = await talk(mia, "roll")
    assert await asks(mia, session, "again") == f"shown: {ROLLED}, user again"
    rows = await world.rows("SELECT count(*) AS kept, count(DISTINCT name) AS names FROM agent_data")
    assert rows == [{"kept": 2, "names": 1}]


async def test_a_restarted_gateway_continues(world: World) -> None:
    """What the library knows is in the database, and nowhere else."""
    mia = await mia_at(world)
    session = await talk(mia, "roll")
    later = await world.person("mia", (await world.gateway(data_dir="later", **agents())).url)
    assert await asks(later, session, "again") == f"shown: {ROLLED}, user again"
    assert await asks(mia, session, "and again") == f"shown: {ROLLED}, user again, text shown, user and again"


async def test_a_fork_continues_from_a_copy(world: World) -> None:
    """Both know what was before the fork; neither sees what the other is told later, and the fork outlives its parent."""
    mia = await mia_at(world)
    session = await talk(mia, "roll")
    fork = (await mia.posts(f"{SESSIONS}/{session}/fork", 201))["session_id"]
    assert await asks(mia, fork, "left") == f"shown: {ROLLED}, user left"
    assert await asks(mia, session, "right") == f"shown: {ROLLED}, user right"
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    assert await asks(mia, fork, "still") == f"shown: {ROLLED}, user left, text shown, user still"


async def test_a_fork_from_the_middle_reads_the_transcript(world: World) -> None:
    """The library's messages contain later ones."""
    mia = await mia_at(world)
    session = await talk(mia, "roll", "again")
    fork = await mia.posts(f"{SESSIONS}/{session}/fork", 201, from_message_id=f"{session}.2")
    assert await asks(mia, fork["session_id"], "now") == "shown: user roll, text shown, user now"


@pytest.mark.parametrize("deed", ["edited", "deleted"])
async def test_changed_messages_are_read_from_the_transcript(world: World, deed: str) -> None:
    """The library's messages contain what a user has taken back."""
    mia = await mia_at(world)
    session = await talk(mia, "my secret", "roll")
    path = f"{SESSIONS}/{session}/messages/{session}.1"
    change = {"json": {"text": "clean"}} if deed == "edited" else {}
    assert (await mia.calls("PATCH" if deed == "edited" else "DELETE", path, **change))[0] < 300
    answer = await asks(mia, session, "now")
    assert "secret" not in answer
    assert answer.endswith("text shown, user roll, text shown, user now")
    assert await asks(mia, session, "later") == f"{answer}, text shown, user later"


async def test_a_stopped_answer_is_added_as_text(world: World) -> None:
    """The library's run was cancelled and left nothing, but the transcript has the question and the answer so far."""
    mia = await mia_at(world)
    session = await talk(mia, "roll")
    socket = await mia.connects()
    await socket.says(type="send", id="k1", text="wait", session_id=session)
    turn_id = (await socket.hears("ack", id="k1"))["turn_id"]
    await socket.hears("delta")
    assert (await mia.calls("POST", f"/api/turns/{turn_id}/cancel"))[0] < 300
    await socket.hears_reply(turn_id)
    assert await asks(mia, session, "now") == f"shown: {ROLLED}, user wait, text waiting, user now"


async def test_a_repeated_attempt_starts_from_before_the_turn(world: World) -> None:
    """The first attempt has rolled once and failed; the second sees nothing of that."""
    pydantic_agents.trials.calls.clear()
    mia = await mia_at(world, "stumbling")
    session = await talk(mia, "hello", "roll")
    assert pydantic_agents.trials.calls == [6, 6]
    assert await asks(mia, session, "now") == (
        "shown: user hello, text shown, user roll, call roll, return 2 of 6, text shown, user now"
    )


async def test_only_the_last_turns_are_kept(world: World) -> None:
    """As many as the agent's settings say, whole, so a turn costs no more in a long session."""
    mia = await mia_at(world, history=2)
    session = await talk(mia, "one", "two", "roll")
    answer = await asks(mia, session, "now")
    assert answer == f"shown: user two, text shown, {ROLLED}, user now"
    await asks(mia, session, "then")
    (row,) = await world.rows("SELECT data FROM agent_data ORDER BY seq DESC LIMIT 1")
    assert row["data"].count('"user-prompt"') == 2
