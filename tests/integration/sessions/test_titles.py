"""Titles: from agents, from the first message, and from the user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.python.settings import PythonAgentSettings
from tests.fakes.model_api import ModelApi, model_api
from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.titles import HERE, becomes, change, gateway_with, says, title_of
from tests.world import World, eventually


@pytest.mark.parametrize(("target", "title"), [("Named", "Talk of 2: hello"), ("NamedByAPlainMethod", "Plainly 2")])
async def test_the_agent_names_a_session_after_the_first_exchange(world: World, target: str, title: str) -> None:
    """M-5: without surrounding quotes; later exchanges change nothing."""
    gateway = await gateway_with(world, target)
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hello")
    await becomes(mia, session, title)
    await says(mia, "more", session)
    assert await title_of(mia, session) == title


async def test_a_title_delays_no_reply_and_is_announced(world: World) -> None:
    """The reply comes first; followers of the list hear of both titles."""
    gateway = await gateway_with(world, "Named")
    mia = await world.person("mia", gateway.url)
    socket = await mia.connects()
    await socket.says(type="watch")
    await socket.asks("hello", "k1")
    titles: list[str] = []
    while "Talk of 2: hello" not in titles:
        titles.append((await socket.hears("session"))["session"]["title"])
    assert "hello" in titles


async def test_after_a_failed_first_turn_the_next_one_gives_the_title(world: World) -> None:
    """The first turn that succeeds counts, and the apology before it is not part of the conversation."""
    gateway = await world.gateway(
        agents={"assistant": PythonAgentSettings(kind="python", target=f"{HERE}:Named")}, turns={"max_attempts": 1}
    )
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "fail")
    assert await title_of(mia, session) == "fail"
    await says(mia, "hello", session)
    await becomes(mia, session, "Talk of 3: fail")


@pytest.mark.parametrize("target", ["Unnamed", "Slow"])
async def test_a_session_keeps_its_first_title_if_the_agent_gives_none(world: World, target: str) -> None:
    """Errors and slowness affect the agent only; shutdown waits for neither."""
    gateway = await gateway_with(world, target)
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hello there")
    assert await title_of(mia, session) == "hello there"


async def test_the_users_own_title_is_never_overwritten(world: World) -> None:
    """M-5: neither automatically nor on request."""
    gateway = await gateway_with(world, "Named")
    mia = await world.person("mia", gateway.url)
    session = (await mia.posts(SESSIONS, 201, title="Mine"))["session_id"]
    await says(mia, "hello", session)
    assert (await mia.posts(f"{SESSIONS}/{session}/title", 200))["title"] == "Mine"
    assert await title_of(mia, session) == "Mine"


async def test_a_title_set_to_null_is_generated_again(world: World) -> None:
    """`title: null`: at once from the first message, then by the agent."""
    gateway = await gateway_with(world, "Named")
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hello")
    assert (await change(mia, session, title="Mine"))[1]["title"] == "Mine"
    status, answer = await change(mia, session, title=None)
    assert (status, answer["title"]) == (200, "hello")
    await becomes(mia, session, "Talk of 2: hello")


async def test_a_title_is_generated_on_request(world: World) -> None:
    """From the conversation as it is now."""
    gateway = await gateway_with(world, "Named")
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "hello")
    await says(mia, "more", session)
    assert (await mia.posts(f"{SESSIONS}/{session}/title", 200))["title"] == "Talk of 4: hello"


async def test_an_agent_without_titles_leaves_the_first_message(world: World) -> None:
    """The first message of the user that is still visible."""
    gateway = await world.gateway()
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "first")
    await says(mia, "second", session)
    first = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"][0]["id"]
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{first}"))[0] in {200, 204}
    assert (await mia.posts(f"{SESSIONS}/{session}/title", 200))["title"] == "second"


async def test_a_session_without_messages_gets_no_title(world: World) -> None:
    """409; a foreign or missing one is 404."""
    gateway = await world.gateway()
    mia, tom = await world.person("mia", gateway.url), await world.person("tom", gateway.url)
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    await mia.posts(f"{SESSIONS}/{session}/title", 409)
    foreign = await tom.calls("POST", f"{SESSIONS}/{session}/title")
    assert foreign == await tom.calls("POST", f"{SESSIONS}/nothing/title")
    assert foreign[0] == 404


async def test_a_run_keeps_its_schedules_name(world: World) -> None:
    """Even if the agent would choose another title."""
    gateway = await gateway_with(world, "Named")
    mia = await world.person("mia", gateway.url)
    trigger = {"type": "cron", "expression": "0 8 * * *"}
    made = await mia.posts("/api/schedules", 201, name="Morning", prompt="hello", trigger=trigger)
    run = await mia.posts(f"/api/schedules/{made['id']}/run", 202)

    async def ended() -> bool:
        return bool((await mia.gets(f"{SESSIONS}/{run['session_id']}"))["message_count"] == 2)

    await eventually(ended)
    assert await title_of(mia, run["session_id"]) == "Morning"


async def test_a_change_is_applied_as_a_whole(world: World) -> None:
    """M-4: title, metadata and activity; followers hear of it once it is committed."""
    gateway = await world.gateway()
    mia = await world.person("mia", gateway.url)
    session = (await mia.posts(SESSIONS, 201, metadata={"course": 7}))["session_id"]
    socket = await mia.connects()
    await socket.says(type="watch")
    await socket.says(type="ping")
    await socket.hears("pong")
    status, changed = await change(mia, session, title="Mine", metadata={"course": 8}, is_active=False)
    assert status == 200
    assert (changed["title"], changed["metadata"], changed["is_active"]) == ("Mine", {"course": 8}, False)
    assert changed["ended_at"] is not None
    while (heard := (await socket.hears("session"))["session"]) != changed:
        assert heard["updated_at"] < changed["updated_at"]
    opened = (await change(mia, session, is_active=True))[1]
    assert (opened["is_active"], opened["ended_at"], opened["title"]) == (True, None, "Mine")
    assert (await change(mia, session, metadata={}))[1]["metadata"] == {}


async def test_a_new_session_is_announced(world: World) -> None:
    """As soon as it exists."""
    gateway = await world.gateway()
    mia = await world.person("mia", gateway.url)
    socket = await mia.connects()
    await socket.says(type="watch")
    await socket.says(type="ping")
    await socket.hears("pong")
    made = await mia.posts(SESSIONS, 201)
    assert (await socket.hears("session"))["session"] == made


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"metadata": None}, 400),
        ({"is_active": None}, 400),
        ({"metadata": []}, 400),
        ({"metadata": {"a": "x" * 17_000}}, 413),
        ({"title": ""}, 400),
    ],
)
async def test_an_invalid_change_is_refused(world: World, body: dict[str, Any], status: int) -> None:
    """And changes nothing."""
    gateway = await world.gateway()
    mia = await world.person("mia", gateway.url)
    made = await mia.posts(SESSIONS, 201, metadata={"course": 7})
    assert (await change(mia, made["session_id"], **body))[0] == status
    assert await mia.gets(f"{SESSIONS}/{made['session_id']}") == made


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[ModelApi]:
    """A server of model APIs."""
    folder = tmp_path / "answers"
    folder.mkdir()
    async with model_api(folder) as running:
        yield running


async def test_a_model_names_the_conversation(world: World, api: ModelApi) -> None:
    """M-5: one short request to the title model, with the conversation quoted; its template leaves nothing behind."""
    await api.answers('"Greeting in Berlin."<|im_end|>', "assistant: Guten Tag")
    await api.answers("Guten Tag")
    server = {"kind": "openai", "base_url": api.base_url, "api_key": "sk-test"}
    settings = {**server, "model": "gpt-4o", "title_model": "gpt-4o-mini"}
    gateway = await world.gateway(agents={"assistant": OpenAIAgentSettings.model_validate(settings)})
    mia = await world.person("mia", gateway.url)
    session = await says(mia, "Hallo Berlin")
    await becomes(mia, session, "Greeting in Berlin")
    asked = (await api.requests())[-1].body
    assert (asked["model"], asked["max_tokens"]) == ("gpt-4o-mini", 64)
    assert not asked.get("stream")
