"""System messages in `/v1`: stored as data of the following user's message, not as messages of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.core.model import JsonObject
from tests.integration.agents.answering_agents import remembering
from tests.world import Person, World

COMPLETIONS = "/v1/chat/completions"
SESSIONS = "/api/chat/sessions"
REMEMBERING = {"kind": "python", "target": f"{remembering.__module__}:remembering"}


@pytest.fixture
async def ann(world: World) -> Person:
    gateway = await world.gateway(agents={"assistant": {"kind": "demo"}, "remembering": REMEMBERING})
    return await world.person("ann", gateway.url)


def system(text: str, role: str = "system") -> JsonObject:
    return {"role": role, "content": text}


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def data(text: str, role: str = "system") -> JsonObject:
    return {"type": "data-system", "data": {"role": role, "text": text}}


def text(said: str) -> JsonObject:
    return {"type": "text", "text": said}


async def asks(person: Person, *messages: JsonObject, agent: str = "assistant") -> tuple[str, Any, list[Any]]:
    """Returns the answer, its session and the session's rows."""
    headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": "k"}
    body = {"model": agent, "messages": messages}
    async with person.http.post(f"{person.url}{COMPLETIONS}", json=body, headers=headers) as response:
        assert response.status == 200, await response.text()
        answer: str = (await response.json())["choices"][0]["message"]["content"]
        session = await person.gets(f"{SESSIONS}/{response.headers['X-Session-Id']}")
    rows: list[Any] = (await person.gets(f"{SESSIONS}/{session['session_id']}/messages"))["messages"]
    return answer, session, rows


async def test_instructions_come_with_the_question(ann: Person) -> None:
    """The first message is the user's, and no row of the transcript is empty."""
    answer, session, rows = await asks(ann, system("Be kind."), system("Be brief.", "developer"), user("Hello"))
    assert "message 1" in answer
    assert [(row["role"], row["content"]) for row in rows] == [("user", "Hello"), ("assistant", answer)]
    assert rows[0]["parts"] == [data("Be kind."), data("Be brief.", "developer"), text("Hello")]
    assert session["message_count"] == 2


async def test_instructions_in_between_come_with_the_next_message(ann: Person) -> None:
    """Those at the end belong to the question; the agent receives each of them."""
    answer, session, rows = await asks(
        ann,
        system("A"),
        user("One"),
        {"role": "assistant", "content": "Aye"},
        system("B"),
        user("Two"),
        system("C"),
        agent="remembering",
    )
    assert json.loads(answer) == [["user", "One", ["data-system", "text"]], ["assistant", "Aye", ["text"]]]
    assert rows[0]["parts"] == [data("A"), text("One")]
    assert rows[2]["parts"] == [data("B"), data("C"), text("Two")]
    assert session["message_count"] == len(rows) == 4


async def test_a_retry_has_the_same_rows(ann: Person) -> None:
    """The first request wins, with its instructions."""
    first = await asks(ann, system("A"), user("One"))
    assert (await asks(ann, system("B"), user("Two")))[2] == first[2]


async def test_an_edited_question_keeps_its_instructions(ann: Person) -> None:
    """A fork keeps them too."""
    _, session, rows = await asks(ann, system("A"), user("One"))
    path = f"{SESSIONS}/{session['session_id']}"
    status, edited = await ann.calls("PATCH", f"{path}/messages/{rows[0]['id']}", json={"text": "Two"})
    assert (status, edited["parts"]) == (200, [data("A"), text("Two")])
    fork = await ann.posts(f"{path}/fork", 201)
    copied = (await ann.gets(f"{SESSIONS}/{fork['session_id']}/messages"))["messages"]
    assert (copied[0]["parts"], fork["message_count"]) == ([data("A"), text("Two")], 2)
