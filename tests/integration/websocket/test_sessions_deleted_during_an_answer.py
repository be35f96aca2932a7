"""A session deleted during an answer: every way of waiting for the answer reports it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.agents.answering_agents import patient
from tests.integration.ai_sdk.ui_streams import SESSIONS, chat, streaming_from
from tests.world import Person, World, eventually

COMPLETIONS = "/v1/chat/completions"
PATIENT = {"kind": "python", "target": f"{patient.__module__}:patient"}


@pytest.fixture
async def ann(world: World) -> Person:
    gateway = await world.gateway(agents={"patient": PATIENT}, default_agent="patient")
    return await world.person("ann", gateway.url)


def question(**given: Any) -> dict[str, Any]:
    return {"model": "patient", "messages": [{"role": "user", "content": "Go on"}], **given}


async def deletes_what_runs(person: Person) -> None:
    """Deletes the only session, once its answer is being written."""

    async def look() -> str | None:
        lists = [await person.gets(f"{SESSIONS}{query}") for query in ("", "?metadata.stateless=true")]
        for session in (session for found in lists for session in found["sessions"]):
            turns = (await person.gets(f"{SESSIONS}/{session['session_id']}/turns"))["turns"]
            if any(turn["status"] == "running" for turn in turns):
                return str(session["session_id"])
        return None

    session_id = await eventually(look)
    assert (await person.calls("DELETE", f"{SESSIONS}/{session_id}"))[0] == 204


async def test_a_streamed_completion_ends_with_an_error(ann: Person) -> None:
    """docs/openai-api.md: `session_deleted`, and no `finish_reason`."""
    headers = {"Authorization": f"Bearer {ann.token}"}
    for _ in range(5):
        async with ann.http.post(f"{ann.url}{COMPLETIONS}", json=question(stream=True), headers=headers) as response:
            await response.content.readuntil(b"going to say")
            await deletes_what_runs(ann)
            async with asyncio.timeout(4):
                rest = (await response.content.read()).decode()
        assert '"code":"session_deleted"' in rest
        assert '"finish_reason":"' not in rest


async def test_a_completion_without_streaming_is_not_found(ann: Person) -> None:
    """404 `session_deleted`, not half an answer."""
    for _ in range(5):
        asking = asyncio.create_task(ann.calls("POST", COMPLETIONS, json=question()))
        await deletes_what_runs(ann)
        async with asyncio.timeout(4):
            status, answer = await asking
        assert (status, answer["error"]["code"]) == (404, "session_deleted")


async def test_a_ui_stream_ends_with_an_error(ann: Person) -> None:
    """`/api/chat`: neither finished nor aborted."""
    for number in range(3):
        async with streaming_from(ann, "/api/chat", chat("Go on", key=f"m{number}")) as stream:
            await stream.hears("text-delta")
            await deletes_what_runs(ann)
            kinds = [chunk["type"] for chunk in await stream.ends()]
        assert "error" in kinds
        assert not {"abort", "finish"} & set(kinds)


async def test_a_request_that_waits_for_the_reply_is_not_found(ann: Person) -> None:
    """`POST …/messages` without a stream: 404."""
    session = (await ann.posts(SESSIONS, 201))["session_id"]
    asking = asyncio.create_task(ann.calls("POST", f"{SESSIONS}/{session}/messages", json={"text": "Go on"}))
    await deletes_what_runs(ann)
    async with asyncio.timeout(4):
        assert (await asking)[0] == 404


async def test_the_agent_is_stopped(ann: Person) -> None:
    """At once, although there is no longer a turn to cancel."""
    session = (await ann.posts(SESSIONS, 201))["session_id"]
    socket = await ann.connects(session_id=session)
    await socket.says(type="send", id="1", text="Go on")
    await socket.hears("delta")
    assert (await ann.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
    assert (await socket.hears("turn", within=4, status="cancelled"))["session_id"] == session

    async def nothing_runs() -> bool:
        async with ann.http.get(f"{ann.url}/metrics") as response:
            return "turngate_turns_running 0.0" in await response.text()

    await eventually(nothing_runs, within=4)
