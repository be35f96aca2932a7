"""Agents of kind `agno`: the real library, with sessions in a real database, and a server of model APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.agents.agno.settings import AgnoAgentSettings
from gateway.agents.registry import build_agents
from gateway.core.model import JsonObject
from gateway.core.ports.agents import Closing
from gateway.core.settings import Turns
from gateway.errors import SettingsError
from tests.fakes.model_api import ModelApi, model_api
from tests.integration.agents import agno_objects
from tests.integration.sessions.conversations import SESSIONS, asks, talk
from tests.unit.agents.turns import events_of, turn
from tests.world import Person, World

OBJECTS = "tests.integration.agents.agno_objects"


@pytest_asyncio.fixture
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ModelApi]:
    """A server of model APIs that answers "Indeed" to all that it is told."""
    async with model_api(tmp_path_factory.mktemp("models")) as running:
        agno_objects.SERVER["url"] = f"{running.url}/v1"
        agno_objects.FAILURES.clear()
        yield running
    while agno_objects.MODELS:
        await agno_objects.MODELS.pop().get_async_client().close()


def agents(world: World, name: str = "assistant", **keys: object) -> dict[str, Any]:
    """Settings of a gateway whose agent is one of those objects, with sessions in the world's database."""
    agent = {"kind": "agno", "target": f"{OBJECTS}:{name}", "database": world.database_url, **keys}
    return {"agents": {"assistant": agent}}


async def mia_at(world: World, name: str = "assistant", **keys: object) -> Person:
    """A user of that gateway."""
    return await world.person("mia", (await world.gateway(**agents(world, name, **keys))).url)


async def told(api: ModelApi) -> list[str]:
    """What the model was told last."""
    messages: Any = (await api.requests())[-1].body["messages"]
    return [f"{message['role']} {message['content']}" for message in messages if message["role"] != "system"]


ONE = ["user one", "assistant Indeed."]


async def test_a_session_has_our_id_and_continues_after_a_restart(world: World, api: ModelApi) -> None:
    """S-1: Agno's own history, on any replica, and its user and metadata are ours."""
    await api.answers("Indeed.")
    mia = await mia_at(world)
    session = await talk(mia, "one")
    await asks(mia, session, "two")
    assert await told(api) == [*ONE, "user two"]
    assert await world.rows("SELECT agent_session FROM chat_sessions") == [{"agent_session": session}]
    later = await world.person("mia", (await world.gateway(data_dir="later", **agents(world))).url)
    await asks(later, session, "three")
    assert await told(api) == [*ONE, "user two", "assistant Indeed.", "user three"]
    [row] = await world.rows("SELECT session_id, metadata->'course' AS course FROM ai.agno_sessions")
    assert row["session_id"] == session


async def test_a_fork_has_a_session_of_its_own(world: World, api: ModelApi) -> None:
    """S-4: both know what was before; neither knows the other's future, and the fork outlives its parent."""
    await api.answers("Indeed.")
    mia = await mia_at(world)
    session = await talk(mia, "one")
    fork = (await mia.posts(f"{SESSIONS}/{session}/fork", 201))["session_id"]
    await asks(mia, fork, "left")
    assert await told(api) == [*ONE, "user left"]
    await asks(mia, session, "right")
    assert await told(api) == [*ONE, "user right"]
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    await asks(mia, fork, "still")
    assert await told(api) == [*ONE, "user left", "assistant Indeed.", "user still"]
    assert len(await world.rows("SELECT session_id FROM ai.agno_sessions")) == 1


async def test_another_attempt_does_not_continue_a_failed_one(world: World, api: ModelApi) -> None:
    """What it has kept is no part of the history."""
    await api.answers("Indeed.")
    agno_objects.FAILURES.append("on purpose")
    mia = await mia_at(world)
    session = await talk(mia, "one")
    assert not agno_objects.FAILURES
    assert await told(api) == ["user one"]
    await asks(mia, session, "two")
    assert await told(api) == [*ONE, "user two"]


async def test_another_attempt_does_not_continue_a_completed_one(api: ModelApi, world: World) -> None:
    """A replica may end after Agno has kept the run, and before the reply is committed."""
    await api.answers("Indeed.")
    settings = AgnoAgentSettings(kind="agno", target=f"{OBJECTS}:assistant", database=SecretStr(world.database_url))
    (agent,) = build_agents({"assistant": settings}, Turns()).values()
    asked = turn("one")
    await events_of(agent.run(asked))
    await events_of(agent.run(replace(asked, attempt=2)))
    assert await told(api) == ["user one"]
    assert isinstance(agent, Closing)
    await agent.aclose()


async def test_an_edited_conversation_begins_another_session(world: World, api: ModelApi) -> None:
    """With the transcript as it is now, which the new session keeps."""
    await api.answers("Indeed.")
    mia = await mia_at(world)
    session = await talk(mia, "one")
    row = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][0]
    await mia.calls("PATCH", f"{SESSIONS}/{session}/messages/{row['id']}", json={"text": "uno"})
    await asks(mia, session, "two")
    assert await told(api) == ["user uno", "assistant Indeed.", "user two"]
    await asks(mia, session, "three")
    assert await told(api) == ["user uno", "assistant Indeed.", "user two", "assistant Indeed.", "user three"]


async def test_a_first_answer_that_is_regenerated_knows_nothing_of_the_old_one(world: World, api: ModelApi) -> None:
    """The history is empty again, but Agno's session is not."""
    await api.answers("Indeed.")
    mia = await mia_at(world)
    session = await talk(mia, "one")
    await mia.posts(f"{SESSIONS}/{session}/regenerate", 200)
    assert await told(api) == ["user one"]


@pytest.mark.parametrize(("name", "reply"), [("assistant", "Indeed."), ("team", "Indeed."), ("workflow", "Indeed.")])
async def test_without_a_database_the_history_is_told(world: World, api: ModelApi, name: str, reply: str) -> None:
    """An Agent, a Team and a Workflow keep nothing then."""
    await api.answers("Indeed.")
    mia = await mia_at(world, name, database=None)
    session = await talk(mia, "one")
    assert (await asks(mia, session, "two")).startswith(reply)
    assert "two" in (await told(api))[-1]
    assert await world.rows("SELECT agent_session FROM chat_sessions") == [{"agent_session": None}]


async def test_tools_and_what_they_stream_reach_the_transcript(world: World, api: ModelApi) -> None:
    """Custom events are data."""
    call: JsonObject = {"name": "roll", "arguments": '{"sides": 6}', "id": "c1"}
    await api.adds_fixture({"userMessage": "roll", "hasToolResult": True}, {"content": "It is 4."})
    await api.adds_fixture({"userMessage": "roll"}, {"toolCalls": [call]})
    mia = await mia_at(world)
    session = await talk(mia, "roll")
    reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][-1]
    parts = {part["type"]: part for part in reply["parts"]}
    assert (parts["tool-roll"]["input"], parts["data-custom"]["data"]) == ({"sides": 6}, {"sides": 6})
    assert "4" in parts["tool-roll"]["output"]
    assert reply["content"] == "It is 4."


async def test_failures_have_the_class_of_the_providers_status(world: World, api: ModelApi) -> None:
    """Which Agno's report of them lacks."""
    await api.refuses(401, "wrong API key")
    mia = await mia_at(world)
    session = await talk(mia, "hello")
    [failed] = (await mia.gets(f"{SESSIONS}/{session}/turns"))["turns"]
    assert failed["error_class"] == "misconfigured"


async def test_a_run_that_waits_for_somebody_says_so(world: World, api: ModelApi) -> None:
    """It is not tried again."""
    await api.adds_fixture(
        {"userMessage": "pay"}, {"toolCalls": [{"name": "pay", "arguments": '{"amount": 1}', "id": "c1"}]}
    )
    mia = await mia_at(world)
    await talk(mia, "pay")
    [row] = await world.rows("SELECT error, attempt FROM turns")
    assert "the run waits for an answer" in row["error"]
    assert row["attempt"] == 1


def test_a_target_that_agno_cannot_run_stops_the_start() -> None:
    """It says what the target is."""
    settings = AgnoAgentSettings(kind="agno", target=f"{OBJECTS}:nothing")
    with pytest.raises(SettingsError, match="it is list; it should be an Agent, Team or Workflow of Agno"):
        build_agents({"assistant": settings}, Turns())
