"""Forked sessions, deleted parents, and what the agent's own framework learns of both."""

from __future__ import annotations

from typing import Any

from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.world import Person, World, eventually

OWN_SESSIONS = {"assistant": {"kind": "python", "target": "tests.integration.agents.branching:Branching"}}


async def texts(mia: Person, session: str) -> list[str]:
    """The texts of a session's visible messages."""
    page = await mia.gets(f"{SESSIONS}/{session}/messages")
    return [row["content"] for row in page["messages"] if not row["deleted"]]


async def test_a_fork_begins_with_the_history_and_then_diverges(world: World) -> None:
    """S-4: up to the message, with metadata; the parent is unaffected; both continue with their own history."""
    mia = await world.person("mia", (await world.gateway()).url)
    parent = await talk(mia, "I like cats", "I like dogs")
    fork = await mia.posts(f"{SESSIONS}/{parent}/fork", 201, from_message_id=f"{parent}.2", title="Only cats")
    assert (fork["parent_session_id"], fork["title"], fork["metadata"]) == (parent, "Only cats", {"course": 7})
    assert (fork["message_count"], fork["channel"], fork["user_id"]) == (2, "web", "mia")
    before = await texts(mia, parent)
    assert await texts(mia, fork["session_id"]) == before[:2]
    assert "I like cats" in await asks(mia, fork["session_id"], "What was my last question?")
    assert "I like dogs" in await asks(mia, parent, "What was my last question?")
    assert (await texts(mia, parent))[:4] == before


async def test_a_fork_of_a_fork_shows_the_tree(world: World) -> None:
    """S-4: each names its parent; messages are renumbered, without gaps and without tombstones."""
    mia = await world.person("mia", (await world.gateway()).url)
    parent = await talk(mia, "One", "Two")
    await mia.calls("DELETE", f"{SESSIONS}/{parent}/messages/{parent}.2")
    child = (await mia.posts(f"{SESSIONS}/{parent}/fork", 201))["session_id"]
    await asks(mia, child, "Three")
    grandchild = await mia.posts(f"{SESSIONS}/{child}/fork", 201, from_message_id=f"{child}.4")
    assert grandchild["parent_session_id"] == child
    rows = (await mia.gets(f"{SESSIONS}/{grandchild['session_id']}/messages"))["messages"]
    assert [(row["seq"], row["deleted"]) for row in rows] == [(1, False), (2, False), (3, False), (4, False)]
    assert [row["content"] for row in rows][:2] == ["One", "Two"]
    assert {row["session_id"] for row in rows} == {grandchild["session_id"]}


async def test_a_fork_has_a_state_of_its_own(world: World) -> None:
    """S-4, P-4: a copy of the state at its message; neither sees later writes of the other."""
    mia = await world.person("mia", (await world.gateway()).url)
    parent = await talk(mia, "One")
    path = f"{SESSIONS}/{parent}/state"
    await mia.calls("PUT", path, json={"blackboard": {"known": 1}}, headers={"If-Match": "*"})
    await mia.posts(f"{SESSIONS}/{parent}/snapshots", 201)
    await mia.posts(f"{SESSIONS}/{parent}/messages", 200, text="Two")
    await mia.calls("PUT", path, json={"blackboard": {"known": 2}}, headers={"If-Match": "*"})
    late = (await mia.posts(f"{SESSIONS}/{parent}/fork", 201))["session_id"]
    early = (await mia.posts(f"{SESSIONS}/{parent}/fork", 201, from_message_id=f"{parent}.2"))["session_id"]
    await mia.calls("PUT", path, json={"blackboard": {"known": 3}}, headers={"If-Match": "*"})
    known = [(await mia.gets(f"{SESSIONS}/{session}/state"))["blackboard"] for session in (parent, late, early)]
    assert known == [{"known": 3}, {"known": 2}, {"known": 1}]


async def test_forks_outlive_their_parent(world: World) -> None:
    """S-4: deleting the parent leaves them whole and moves them to the parent's own parent."""
    mia = await world.person("mia", (await world.gateway()).url)
    root = await talk(mia, "One")
    middle = (await mia.posts(f"{SESSIONS}/{root}/fork", 201))["session_id"]
    leaf = (await mia.posts(f"{SESSIONS}/{middle}/fork", 201))["session_id"]
    assert (await mia.calls("DELETE", f"{SESSIONS}/{middle}"))[0] == 204
    assert (await mia.gets(f"{SESSIONS}/{leaf}"))["parent_session_id"] == root
    assert (await mia.calls("DELETE", f"{SESSIONS}/{root}"))[0] == 204
    assert (await mia.gets(f"{SESSIONS}/{leaf}"))["parent_session_id"] is None
    assert "One" in await asks(mia, leaf, "What was my last question?")


async def test_an_answer_in_a_fork_can_be_regenerated(world: World) -> None:
    """Its messages belong to none of its own turns, and can still be regenerated."""
    mia = await world.person("mia", (await world.gateway()).url)
    parent = await talk(mia, "I like cats", "What was my last question?")
    fork = (await mia.posts(f"{SESSIONS}/{parent}/fork", 201))["session_id"]
    again = await mia.posts(f"{SESSIONS}/{fork}/regenerate", 200)
    assert (again["message"]["seq"], again["reply"]["seq"]) == (3, 5)
    assert "I like cats" in again["reply"]["content"]


async def test_a_fork_needs_a_message_of_its_session(world: World) -> None:
    """Unknown, deleted, or of another session: a 404."""
    mia = await world.person("mia", (await world.gateway()).url)
    session, other = await talk(mia, "One"), await talk(mia, "Two")
    await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.1")
    for message in (f"{session}.1", f"{session}.9", f"{other}.1", "x"):
        assert (await mia.calls("POST", f"{SESSIONS}/{session}/fork", json={"from_message_id": message}))[0] == 404
    assert (await mia.gets(SESSIONS))["total"] == 2


async def test_an_operators_fork_belongs_to_the_sessions_user(world: World) -> None:
    """The fork has the same owner as the conversation."""
    url = (await world.gateway()).url
    mia, olga = await world.person("mia", url), await world.person("olga", url, "operator")
    fork = await olga.posts(f"{SESSIONS}/{await talk(mia, 'One')}/fork", 201)
    assert fork["user_id"] == "mia"
    assert await texts(mia, fork["session_id"]) == await texts(olga, fork["session_id"])


async def test_deleting_a_session_cancels_its_answer_on_every_replica(world: World) -> None:
    """S-2: the running agent is stopped on any replica, and nothing is left."""
    here, there = await world.gateway(data_dir="a"), await world.gateway(data_dir="b")
    mia, elsewhere = await world.person("mia", here.url), await world.person("mia", there.url)
    session = await talk(mia)
    await mia.calls(
        "POST", f"{SESSIONS}/{session}/messages", json={"text": "wait 60 seconds"}, headers={"Prefer": "wait=0"}
    )
    assert here.gateway.engine.runner.running
    assert (await elsewhere.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204

    async def idle() -> bool:
        return not here.gateway.engine.runner.running

    await eventually(idle)
    left: dict[str, Any] = (
        await world.rows("SELECT (SELECT count(*) FROM turns) + (SELECT count(*) FROM chat_messages) AS n")
    )[0]
    assert left["n"] == 0


async def test_the_agents_own_session_is_kept_forked_and_dropped(world: World) -> None:
    """S-1, S-2, S-4: stored once, passed to later turns and other gateways; a fork at the end gets its own copy."""
    first = await world.gateway(agents=OWN_SESSIONS)
    mia = await world.person("mia", first.url)
    session = await talk(mia, "Hello")
    assert await asks(mia, session, "again") == "own-1: again"
    fork = (await mia.posts(f"{SESSIONS}/{session}/fork", 201))["session_id"]
    assert await asks(mia, fork, "there") == "own-1-fork: there"
    second = await world.gateway(agents=OWN_SESSIONS, data_dir="b")
    later = await world.person("mia", second.url)
    assert await asks(later, session, "still") == "own-1: still"
    half = (await mia.posts(f"{SESSIONS}/{session}/fork", 201, from_message_id=f"{session}.1"))["session_id"]
    assert (await asks(mia, half, "anew")).startswith("own-2")
    await mia.calls("DELETE", f"{SESSIONS}/{fork}")
    agent = first.gateway.engine.agents["assistant"].target.__self__  # type: ignore[index,attr-defined] # the test's own agent
    assert agent.forgotten == ["own-1-fork"]
