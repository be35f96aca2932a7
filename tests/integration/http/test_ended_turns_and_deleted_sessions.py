"""Turns that have ended, and sessions deleted while a client waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"


@pytest.fixture
async def mia(world: World) -> Person:
    """A user of a gateway with the demo agent."""
    return await world.person("mia", (await world.gateway()).url)


async def test_cancelling_an_ended_turn_changes_nothing(mia: Person) -> None:
    """So a retry is harmless; an unknown turn is a plain 404."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    sent = await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="hello")
    before = await mia.gets(f"{SESSIONS}/{session}/turns")
    answer = await mia.posts(f"/api/turns/{sent['turn_id']}/cancel", 202)
    assert answer == {"turn_id": sent["turn_id"]}
    assert await mia.gets(f"{SESSIONS}/{session}/turns") == before
    missing = await mia.posts("/api/turns/00000000-0000-4000-8000-000000000000/cancel", 404)
    assert missing["detail"] == "There is no such turn."


async def test_a_waiting_client_learns_that_its_session_is_deleted(world: World, mia: Person) -> None:
    """The error names the session, since the client named no turn."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    path = f"{SESSIONS}/{session}"
    waiting = asyncio.create_task(mia.calls("POST", f"{path}/messages", json={"text": "wait 20 seconds"}))

    async def running() -> Any:
        return await world.rows("SELECT 1 FROM turns WHERE status = 'running'")

    await eventually(running)
    await world.rows("DELETE FROM chat_sessions WHERE session_id = $1", session)
    status, problem = await waiting
    assert (status, problem["detail"]) == (404, "There will be no answer: the conversation was deleted.")
