"""A-3: an apology is the gateway's, is marked wherever it is shown, and is never passed to an agent as its own words."""

from __future__ import annotations

import json
from typing import Any

from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
TARGET = "tests.integration.agents.context_agents:tells_history"
ADVICE = {
    "context_too_long": "shorten it",
    "rate_limited": "in a few minutes",
    "over_budget": "tomorrow",
    "unavailable": "later",
    "misconfigured": "the people who run",
    "timeout": "less at once",
    "agent_error": "try again",
}


async def with_agents(world: World) -> Person:
    """A user of a gateway with an agent that repeats its history, and one that asks for apologies."""
    agent = {"kind": "python", "target": TARGET}
    gateway = await world.gateway(agents={"assistant": agent, "curious": {**agent, "apologies": True}})
    return await world.person("mia", gateway.url)


async def after_a_failure(mia: Person, agent: str) -> str:
    """The path of a session whose first turn failed."""
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201, agent_name=agent))['session_id']}"
    failed = await mia.posts(f"{path}/messages", 200, text="fail agent_error")
    assert (failed["status"], failed["reply"]["kind"]) == ("failed", "apology")
    return path


async def test_an_apology_is_not_part_of_the_agents_history(world: World) -> None:
    """The question stays in the history; an agent that asks for apologies can tell them apart."""
    mia = await with_agents(world)
    question = ["user", "message", "fail agent_error"]
    for agent, told in [("assistant", [question]), ("curious", [question, ["assistant", "apology"]])]:
        path = await after_a_failure(mia, agent)
        sent = await mia.posts(f"{path}/messages", 200, text="and now?")
        assert [row[: len(like)] for row, like in zip(json.loads(sent["reply"]["content"]), told, strict=True)] == told
        assert sent["reply"]["kind"] == "message"


async def test_an_apology_is_marked_wherever_it_is_shown(world: World) -> None:
    """In the transcript, on sockets, in forks and in exports."""
    mia = await with_agents(world)
    path = await after_a_failure(mia, "assistant")
    kinds = ["message", "apology"]
    assert [row["kind"] for row in (await mia.gets(f"{path}/messages"))["messages"]] == kinds
    socket = await mia.connects(session_id=path.rpartition("/")[2], after=0)
    assert [(await socket.hears("message"))["message"]["kind"] for _ in kinds] == kinds
    fork = await mia.posts(f"{path}/fork", 201)
    forked = (await mia.gets(f"{SESSIONS}/{fork['session_id']}/messages"))["messages"]
    assert [row["kind"] for row in forked] == kinds
    assert [row["kind"] for row in (await mia.gets(f"{path}/export"))["messages"]] == kinds
    headers = {"Authorization": f"Bearer {mia.token}"}
    async with mia.http.get(f"{mia.url}{path}/export?format=markdown", headers=headers) as response:
        assert "## assistant (apology), " in await response.text()


async def test_the_placeholder_of_a_stopped_answer_is_not_an_answer(world: World) -> None:
    """`Stopped.` is not the agent's."""
    mia = await world.person("mia", (await world.gateway()).url)
    socket = await mia.connects()
    await socket.says(type="send", id="k1", text="wait 60 seconds")
    ack = await socket.hears("ack")
    await socket.says(type="cancel", turn_id=ack["turn_id"])
    assert (await socket.hears_reply(ack["turn_id"]))["message"]["kind"] == "apology"


async def test_a_user_is_told_the_class_of_an_error(world: World) -> None:
    """The apology says what to do; the details are for operators."""
    mia = await with_agents(world)
    owner = await world.person("owner", mia.url, "operator")
    for error_class, advice in ADVICE.items():
        path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}"
        sent = await mia.posts(f"{path}/messages", 200, text=f"fail {error_class}")
        assert advice in sent["reply"]["content"]
        (turn,) = (await mia.gets(f"{path}/turns"))["turns"]
        assert (turn["error"], turn["error_class"]) == (error_class, error_class)
        (turn,) = (await owner.gets(f"{path}/turns"))["turns"]
        assert (turn["error"], turn["error_class"]) == ("a secret reason", error_class)


async def test_an_agent_that_takes_too_long_is_a_timeout(world: World) -> None:
    """The apology says so."""
    agents = {"assistant": {"kind": "demo", "timeout_s": 0.2}}
    mia = await world.person("mia", (await world.gateway(agents=agents, turns={"max_attempts": 1})).url)
    path = f"{SESSIONS}/{(await mia.posts(SESSIONS, 201))['session_id']}"
    await mia.posts(f"{path}/messages", 200, text="wait 60 seconds")

    async def turns() -> Any:
        return (await mia.gets(f"{path}/turns"))["turns"]

    assert (await eventually(turns))[0]["error_class"] == "timeout"
