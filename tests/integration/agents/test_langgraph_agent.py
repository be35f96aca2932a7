"""Agents of kind `langgraph`: the real library, with checkpoints in a real database."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.agents.langgraph.settings import LangGraphAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.settings import Turns
from gateway.errors import SettingsError
from tests.integration.agents import langgraph_graphs
from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.world import Person, World, eventually

GRAPHS = "tests.integration.agents.langgraph_graphs"


def agents(world: World, name: str = "recalling", **keys: object) -> dict[str, Any]:
    """Settings of a gateway whose agent is one of those graphs, with checkpoints in the world's database."""
    agent = {"kind": "langgraph", "target": f"{GRAPHS}:{name}", "checkpoints": world.database_url, **keys}
    return {"agents": {"assistant": agent}}


async def mia_at(world: World, name: str = "recalling", **keys: object) -> Person:
    """A user of that gateway."""
    return await world.person("mia", (await world.gateway(**agents(world, name, **keys))).url)


async def test_a_thread_has_the_sessions_id_and_continues_after_a_restart(world: World) -> None:
    """S-1: the graph's own messages, not the transcript, and on any replica."""
    mia = await mia_at(world)
    session = await talk(mia, "one")
    assert await asks(mia, session, "two") == "I know: human one, ai I know: human one, human two"
    [row] = await world.rows("SELECT agent_session FROM chat_sessions")
    assert row["agent_session"].startswith(f"{session}@")
    later = await world.person("mia", (await world.gateway(data_dir="later", **agents(world))).url)
    assert (await asks(later, session, "three")).endswith(
        "human two, ai I know: human one, ai I know: human one, human two, human three"
    )


async def test_a_fork_has_a_thread_of_its_own(world: World) -> None:
    """S-4: both know what was before; neither knows the other's future, and the fork outlives its parent."""
    mia = await mia_at(world)
    session = await talk(mia, "one")
    fork = (await mia.posts(f"{SESSIONS}/{session}/fork", 201))["session_id"]
    assert await asks(mia, fork, "left") == "I know: human one, ai I know: human one, human left"
    assert await asks(mia, session, "right") == "I know: human one, ai I know: human one, human right"
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    assert (await asks(mia, fork, "still")).endswith("human left, human still")
    threads = await world.rows("SELECT DISTINCT thread_id FROM checkpoints")
    assert len(threads) == 1


async def test_another_attempt_starts_from_where_the_turn_began(world: World) -> None:
    """What a failed attempt has kept is not continued."""
    langgraph_graphs.STUMBLED.clear()
    mia = await mia_at(world, "stumbling")
    session = await talk(mia, "one")
    assert langgraph_graphs.STUMBLED
    assert await asks(mia, session, "two") == "I know: human one, ai I know: human one, human two"


async def test_an_edited_conversation_begins_another_thread(world: World) -> None:
    """With the transcript as it is now."""
    mia = await mia_at(world)
    session = await talk(mia, "one")
    row = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][0]
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{row['id']}", json={"text": "uno"})
    assert await asks(mia, session, "two") == "I know: human uno, ai I know: human one, human two"


async def test_a_first_answer_that_is_regenerated_knows_nothing_of_the_old_one(world: World) -> None:
    """The history is empty again, but the thread is not."""
    mia = await mia_at(world)
    session = await talk(mia, "one")
    await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    assert reply["content"] == "I know: human one"


@pytest.mark.parametrize("name", ["recalling", "made"])
async def test_a_graph_without_checkpoints_receives_the_history(world: World, name: str) -> None:
    """It keeps nothing."""
    mia = await mia_at(world, name, checkpoints=None)
    session = await talk(mia, "one")
    assert await asks(mia, session, "two") == "I know: human one, ai I know: human one, human two"
    assert await world.rows("SELECT agent_session FROM chat_sessions") == [{"agent_session": None}]


async def test_a_graph_keeps_its_own_checkpointer(world: World) -> None:
    """The setting is for graphs that have none."""
    mia = await mia_at(world, "remembering", checkpoints=None)
    session = await talk(mia, "one")
    assert await asks(mia, session, "two") == "I know: human one, ai I know: human one, human two"


async def test_tools_and_what_nodes_stream_reach_the_transcript(world: World) -> None:
    """Text is a status, an event of turngate is itself, everything else is data."""
    mia = await mia_at(world, "rolling")
    session = await talk(mia, "roll")
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    parts = {part["type"]: part for part in reply["parts"]}
    assert [*parts] == ["data-custom", "source-url", "tool-roll", "text"]
    assert (parts["tool-roll"]["input"], parts["tool-roll"]["output"]) == ({"sides": 6}, "4")
    assert parts["data-custom"]["data"] == {"sides": 6}
    assert reply["content"].startswith("I know: human roll")


@pytest.mark.parametrize(
    ("name", "error_class", "told"),
    [
        ("failing", "rate_limited", "slow down"),
        ("endless", "agent_error", "Recursion limit of 3"),
    ],
)
async def test_failures_have_a_class(world: World, name: str, error_class: str, told: str) -> None:
    """People read what they can do about it; operators read what happened."""
    settings = agents(world, name, checkpoints=None, recursion_limit=3)
    gateway = await world.gateway(**settings, turns={"max_attempts": 1})
    mia = await world.person("mia", gateway.url)
    session = await talk(mia, "hello")
    [turn] = (await mia.gets(f"{SESSIONS}/{session}/turns"))["turns"]
    [row] = await world.rows("SELECT error FROM turns")
    assert turn["error_class"] == error_class
    assert told in row["error"]


async def test_interrupts_are_questions_that_outlive_a_restart(world: World) -> None:
    """The answer resumes the graph where it waits, on another gateway too; then it asks again."""
    mia = await mia_at(world, "asking")
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    socket = await mia.connects(session_id=session)
    await socket.says(type="send", id="1", text="paint it")
    await socket.hears("turn", status="waiting")
    [question] = (await mia.gets("/api/approvals"))["approvals"]
    assert (question["text"], question["choices"]) == ("Which colour?", ["Red", "Blue"])
    later = await world.person("mia", (await world.gateway(data_dir="later", **agents(world, "asking"))).url)
    await later.posts(f"/api/approvals/{question['id']}", 200, choice="Blue")

    async def asks_again() -> bool:
        return [found["text"] for found in (await later.gets("/api/approvals"))["approvals"]] == ["Sure?"]

    await eventually(asks_again)
    [question] = (await later.gets("/api/approvals"))["approvals"]
    await later.posts(f"/api/approvals/{question['id']}", 200, choice="Allow")

    async def has_answered() -> bool:
        rows = (await later.gets(f"{SESSIONS}/{session}/messages"))["messages"]
        return bool(rows[-1]["content"] == "Blue, Allow")

    await eventually(has_answered)


def test_a_target_that_is_no_graph_stops_the_start() -> None:
    """It says what the target is."""
    settings = LangGraphAgentSettings(kind="langgraph", target=f"{GRAPHS}:STUMBLED")
    with pytest.raises(SettingsError, match="it is list; it should be a graph of LangGraph"):
        build_agents({"assistant": settings}, Turns())
