"""A-2: what an agent is told of a conversation is limited in tokens, and changes with the conversation."""

from __future__ import annotations

import json

import pytest

from tests.conftest import UNHURRIED
from tests.integration.sessions.conversations import SESSIONS
from tests.integration.sessions.titles import says
from tests.world import Person, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
AGENT = {"kind": "python", "target": "tests.integration.agents.brief_agents:Briefed", "history_tokens": 2}


async def told(person: Person, session: str, text: str) -> list[str]:
    """What the agent was told before it answered."""
    sent = await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    known: list[str] = json.loads(sent["reply"]["content"])
    return known


async def test_edited_and_deleted_messages_count_as_they_are_now(shared_world: World) -> None:
    """The budget holds two short questions with their answers; a longer one holds one, and a deleted one leaves room for another."""
    gateway = await shared_world.gateway(agents={"assistant": AGENT}, replica=UNHURRIED)
    mia = await shared_world.newcomer(gateway.url)
    session = await says(mia, "one")
    for text in ("two", "three"):
        await says(mia, text, session)
    messages = f"{SESSIONS}/{session}/messages/{session}"
    assert await told(mia, session, "four") == ["two", "three"]
    assert (await mia.calls("PATCH", f"{messages}.7", json={"text": "four and more"}))[0] == 200
    assert await told(mia, session, "five") == []
    assert (await mia.calls("DELETE", f"{messages}.7"))[0] == 204
    assert await told(mia, session, "six") == ["three", "five"]
