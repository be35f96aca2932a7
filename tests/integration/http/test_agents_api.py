"""Agents, and the conversations with each, over HTTP."""

from __future__ import annotations

import pytest

from gateway.app.running.serve import Running
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
AGENTS = {
    "assistant": {"kind": "demo", "description": "Answers by itself."},
    "critic": {"kind": "demo", "timeout_s": 20, "history": 3, "multitask_strategy": "interrupt"},
}


@pytest.fixture
async def gateway(world: World) -> Running:
    """A gateway with two agents."""
    return await world.gateway(agents=AGENTS)


@pytest.fixture
async def mia(world: World, gateway: Running) -> Person:
    """A user."""
    return await world.person("mia", gateway.url)


async def test_an_agent_says_how_it_runs(mia: Person) -> None:
    """R-6: and how many sessions the caller has with it."""
    await mia.posts(SESSIONS, 201, agent_name="critic")
    agent = await mia.gets("/api/agents/critic")
    assert agent == {
        "name": "critic",
        "kind": "demo",
        "description": None,
        "is_default": False,
        "multitask_strategy": "interrupt",
        "collect": False,
        "timeout_s": 20,
        "history": 3,
        "session_count": 1,
    }
    assert (await mia.gets("/api/agents/assistant"))["timeout_s"] == 300
    assert (await mia.calls("GET", "/api/agents/nobody"))[0] == 404


async def test_an_agents_sessions_are_listed_with_their_counts(world: World, gateway: Running, mia: Person) -> None:
    """R-6: the caller's own, latest activity first; an operator sees everyone's."""
    made = [
        (await mia.posts(SESSIONS, 201, agent_name=name))["session_id"] for name in ("critic", "assistant", "critic")
    ]
    await mia.posts(f"{SESSIONS}/{made[0]}/messages", 200, text="hello")
    listed = await mia.gets("/api/agents/critic/sessions")
    assert [(row["session_id"], row["message_count"]) for row in listed["sessions"]] == [(made[0], 2), (made[2], 0)]
    assert listed["total"] == 2
    page = await mia.gets("/api/agents/critic/sessions?limit=1")
    rest = await mia.gets(f"/api/agents/critic/sessions?cursor={page['next_cursor']}")
    assert [row["session_id"] for row in rest["sessions"]] == [made[2]]
    tom, owner = await world.person("tom", gateway.url), await world.person("owner", gateway.url, "operator")
    assert (await tom.gets("/api/agents/critic/sessions"))["total"] == 0
    assert (await tom.calls("GET", "/api/agents/critic/sessions?user=mia"))[0] == 403
    assert (await owner.gets("/api/agents/critic/sessions"))["total"] == 2
    assert (await owner.gets("/api/agents/critic/sessions?user=tom"))["total"] == 0
    assert (await mia.calls("GET", "/api/agents/nobody/sessions"))[0] == 404


async def test_the_active_session_is_null_outside_the_window(world: World, mia: Person) -> None:
    """R-4: with its messages while the last one is recent, on any channel; for that agent only."""
    assert await mia.gets("/api/agents/critic/active-session") is None
    socket = await mia.connects(agent="critic", channel="terminal")
    await socket.asks("hello", "k1")
    active = await mia.gets("/api/agents/critic/active-session")
    assert (active["channel"], [row["role"] for row in active["messages"]]) == ("terminal", ["user", "assistant"])
    assert await mia.gets("/api/agents/assistant/active-session") is None
    await world.rows("UPDATE chat_sessions SET last_message_at = now() - interval '15 minutes 1 second'")
    assert await mia.gets("/api/agents/critic/active-session") is None


async def test_an_ended_session_is_not_active(mia: Person) -> None:
    """R-4: however recent it is."""
    made = await mia.posts(SESSIONS, 201)
    assert (await mia.gets("/api/agents/assistant/active-session"))["session_id"] == made["session_id"]
    await mia.calls("PATCH", f"{SESSIONS}/{made['session_id']}", json={"is_active": False})
    assert await mia.gets("/api/agents/assistant/active-session") is None
