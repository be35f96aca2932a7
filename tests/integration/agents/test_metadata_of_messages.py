"""A-1: an agent receives the session's metadata and a message's own, whichever way the message came."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"
COURSE = {"course": "algebra-1"}
REFUSED: list[tuple[Any, int, str]] = [
    ("a text", 400, "metadata"),
    ([1], 400, "metadata"),
    ({"x": "y" * 16_384}, 413, "16384 bytes"),
    ({"": 1}, 400, "1 to 100 characters"),
]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    """A gateway whose agent returns the metadata it received."""
    agent = {"kind": "python", "target": "tests.integration.agents.context_agents:tells_metadata"}
    return await shared_world.gateway(agents={"assistant": agent}, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    """A user."""
    return await shared_world.newcomer(gateway.url)


async def in_course(person: Person) -> str:
    """The path of a session about a course."""
    return f"{SESSIONS}/{(await person.posts(SESSIONS, 201, metadata=COURSE))['session_id']}"


async def test_a_message_over_http(mia: Person) -> None:
    """The agent receives both, and the transcript keeps the message's."""
    path = await in_course(mia)
    sent = await mia.posts(f"{path}/messages", 200, text="one", metadata={"page": 7})
    assert json.loads(sent["reply"]["content"]) == {"session": COURSE, "messages": [{"page": 7}], "history": []}
    later = await mia.posts(f"{path}/messages", 200, text="two")
    assert json.loads(later["reply"]["content"]) == {"session": COURSE, "messages": [{}], "history": [{"page": 7}]}
    rows = (await mia.gets(f"{path}/messages"))["messages"]
    assert [row["metadata"] for row in rows] == [{"page": 7}, {}, {}, {}]


async def test_a_message_over_a_socket(mia: Person) -> None:
    """The announced row has it too."""
    socket = await mia.connects(session_id=(await in_course(mia)).rpartition("/")[2])
    await socket.says(type="send", id="k1", text="one", metadata={"page": 8})
    assert (await socket.hears("message"))["message"]["metadata"] == {"page": 8}
    reply = (await socket.hears("message"))["message"]
    assert json.loads(reply["content"]) == {"session": COURSE, "messages": [{"page": 8}], "history": []}


async def test_a_message_of_use_chat(mia: Person) -> None:
    """AI SDK sends a message's metadata beside its parts."""
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hi"}], "metadata": {"page": 9}}
    body = {"id": "chat-1", "messages": [message]}
    headers = {"Authorization": f"Bearer {mia.token}"}
    async with mia.http.post(f"{mia.url}/api/chat", json=body, headers=headers) as response:
        assert response.status == 200
        await response.read()
    session = (await mia.gets(SESSIONS))["sessions"][0]["session_id"]
    question, reply = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    assert question["metadata"] == {"page": 9}
    assert json.loads(reply["content"])["messages"] == [{"page": 9}]


async def test_a_message_of_an_openai_client(mia: Person) -> None:
    """The request's `metadata` belongs to its last message."""
    body = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "metadata": {"page": "10"}}
    answer = await mia.posts("/v1/chat/completions", 200, **body)
    assert json.loads(answer["choices"][0]["message"]["content"])["messages"] == [{"page": "10"}]


async def test_what_cannot_be_kept_is_refused(mia: Person) -> None:
    """The same rules apply over HTTP and over a socket, and nothing is stored."""
    path = await in_course(mia)
    socket = await mia.connects(session_id=path.rpartition("/")[2])
    for metadata, status, said in REFUSED:
        refused = await mia.calls("POST", f"{path}/messages", json={"text": "one", "metadata": metadata})
        assert (refused[0], said in json.dumps(refused[1])) == (status, True)
        await socket.says(type="send", id="k1", text="one", metadata=metadata)
        error = await socket.hears("error", id="k1")
        assert (error["code"], said in error["message"]) == ("too_large" if status == 413 else "invalid", True)
    assert (await mia.gets(f"{path}/messages"))["messages"] == []


async def test_a_fork_keeps_both(mia: Person) -> None:
    """Its agent continues with the metadata that the parent's had."""
    path = await in_course(mia)
    await mia.posts(f"{path}/messages", 200, text="one", metadata={"page": 7})
    fork = await mia.posts(f"{path}/fork", 201)
    sent = await mia.posts(f"{SESSIONS}/{fork['session_id']}/messages", 200, text="two")
    assert json.loads(sent["reply"]["content"]) == {"session": COURSE, "messages": [{}], "history": [{"page": 7}]}
