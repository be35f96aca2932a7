"""The two routes of AI SDK's `useChat`: `POST /api/chat` and `GET /api/chat/{id}/stream`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.ai_sdk.agents import ANSWER, BEGUN
from tests.conftest import UNHURRIED
from tests.integration.ai_sdk.ui_streams import SESSIONS, chat, go, session_with, settings, streaming_from, text_in
from tests.world import Person, World

NOWHERE = "00000000-0000-4000-8000-000000000000"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    return await shared_world.gateway(**settings(), replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def mia(shared_world: World, gateway: Running) -> Person:
    return await shared_world.newcomer(gateway.url)


@pytest_asyncio.fixture(loop_scope="module")
async def tom(shared_world: World, gateway: Running) -> Person:
    return await shared_world.newcomer(gateway.url)


async def test_a_chat_id_names_a_web_session_of_the_users_own(mia: Person, tom: Person) -> None:
    """AC-10: the same id from two users means two sessions."""
    for person in (mia, tom, mia):
        async with streaming_from(person, "/api/chat", chat("Hello", key=person.user)) as stream:
            await stream.ends()
    for person in (mia, tom):
        sessions = (await person.gets(SESSIONS))["sessions"]
        assert [(found["channel"], found["message_count"]) for found in sessions] == [("web", 2)]


async def test_concurrent_first_messages_create_one_session(mia: Person) -> None:
    """AC-12."""

    async def send(key: str) -> None:
        async with streaming_from(mia, "/api/chat", chat("Hello", key=key)) as stream:
            await stream.ends()

    await asyncio.gather(*(send(f"m{number}") for number in range(8)))
    sessions = (await mia.gets(SESSIONS))["sessions"]
    assert [found["message_count"] for found in sessions] == [16]


async def test_a_session_id_is_a_chat_id_for_its_owner_only(mia: Person, tom: Person) -> None:
    """For others it is like any other text."""
    session = await session_with(mia, "plain")
    for person in (mia, tom):
        async with streaming_from(person, "/api/chat", chat("Hello", chat_id=session)) as stream:
            start = await stream.hears("start")
            await stream.ends()
        assert (start["messageMetadata"]["session_id"] == session) == (person is mia)


async def test_only_the_last_message_is_read(mia: Person) -> None:
    """The transcript is the gateway's own."""
    asked = chat("And now?", key="m9")
    invented = {"id": "x", "role": "assistant", "parts": [{"type": "text", "text": "I said so"}]}
    asked["messages"].insert(0, invented)
    async with streaming_from(mia, "/api/chat", asked) as stream:
        assert text_in(await stream.ends()) == "1. And now?"


async def test_the_agent_may_be_chosen(mia: Person) -> None:
    """By `agent` in the body; other keys are ignored."""
    async with streaming_from(mia, "/api/chat", chat("Hello", agent="plain", model="any")) as stream:
        await stream.ends()
    assert (await mia.gets(SESSIONS))["sessions"][0]["agent_name"] == "plain"
    assert (await mia.calls("POST", "/api/chat", json=chat("Hello", agent="nobody")))[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "x" * 129},
        {"messages": []},
        {"messages": [{"id": "m", "role": "assistant", "parts": []}]},
        {"messages": [{"id": "m", "role": "user", "parts": []}]},
        {
            "messages": [
                {"id": "m", "role": "user", "parts": [{"type": "file", "url": "data:,", "mediaType": "text/plain"}]}
            ]
        },
        {"trigger": "resume-stream"},
    ],
    ids=["no id", "long id", "no message", "the agent's", "no text", "a file", "a trigger"],
)
async def test_an_invalid_message_is_refused(mia: Person, wrong: dict[str, Any]) -> None:
    """With 400, and without a session."""
    assert (await mia.calls("POST", "/api/chat", json={**chat("Hello"), **wrong}))[0] == 400
    assert (await mia.gets(SESSIONS))["sessions"] == []


async def test_without_a_stream_every_reason_looks_the_same(mia: Person, tom: Person, tmp_path: Path) -> None:
    """AC-10: 204 for no answer in progress, an unknown id, and another user's id."""
    async with streaming_from(mia, "/api/chat", chat(str(tmp_path), agent="teller")) as stream:
        start = await stream.hears("start")
        foreign = start["messageMetadata"]["session_id"]
        for person, chat_id in ((tom, "c1"), (tom, foreign), (mia, NOWHERE), (mia, "x" * 200), (mia, "%00")):
            async with person.http.get(
                f"{person.url}/api/chat/{chat_id}/stream", headers={"Authorization": f"Bearer {person.token}"}
            ) as response:
                assert (response.status, await response.read()) == (204, b""), chat_id
        go(tmp_path)
        await stream.ends()
    assert (await mia.calls("GET", "/api/chat/c1/stream"))[0] == 204


async def test_a_late_reader_gets_the_whole_answer(mia: Person, tmp_path: Path) -> None:
    """From its beginning, and then live."""
    async with streaming_from(mia, "/api/chat", chat(str(tmp_path), agent="teller")) as stream:
        await stream.hears("text-delta")
        async with streaming_from(mia, "/api/chat/c1/stream") as late:
            await late.hears("tool-output-available")
            await late.hears("text-delta", delta=BEGUN)
            go(tmp_path)
            assert text_in(await late.ends()) == text_in(await stream.ends()) == ANSWER
        assert late.chunks[0]["messageId"] == stream.chunks[0]["messageId"]


async def test_a_late_reader_gets_the_current_attempt_only(mia: Person, tmp_path: Path) -> None:
    """The text of the previous attempt is void."""
    async with streaming_from(mia, "/api/chat", chat(str(tmp_path), agent="wavering")) as stream:
        await stream.hears("text-delta")
        go(tmp_path, "fail")
        while (await stream.hears("data-turn"))["data"]["attempt"] == 1:
            pass
        async with streaming_from(mia, "/api/chat/c1/stream") as late:
            await late.hears("start")
            go(tmp_path)
            assert text_in(await late.ends()) == ANSWER
        await stream.ends()


async def test_new_moves_the_chat_id_to_another_session(mia: Person) -> None:
    """`/new`, with a text and without."""
    sessions = []
    for number, text in enumerate(("one", "/new two", "/new", "three")):
        async with streaming_from(mia, "/api/chat", chat(text, key=f"m{number}")) as stream:
            sessions.append((await stream.hears("start"))["messageMetadata"]["session_id"])
            await stream.ends()
    assert len({sessions[0], sessions[1], sessions[3]}) == 3
    assert sessions[2] == sessions[1]


async def test_an_answer_is_regenerated(mia: Person) -> None:
    """`regenerate-message`, by the id that the answer was streamed with, by its row's, and without any."""
    async with streaming_from(mia, "/api/chat", chat("Hello")) as stream:
        streamed = (await stream.ends())[0]["messageId"]
    session = (await mia.gets(SESSIONS))["sessions"][0]["session_id"]
    for wanted in (streamed, None, "m1"):
        again = chat("Hello", trigger="regenerate-message", **({} if wanted is None else {"messageId": wanted}))
        async with streaming_from(mia, "/api/chat", again) as stream:
            assert text_in(await stream.ends()) == "1. Hello"
    rows = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    assert [row["deleted"] for row in rows] == [False, True, True, True, False]


async def test_regenerating_in_an_unknown_chat_is_not_found(mia: Person) -> None:
    """And creates no session."""
    assert (await mia.calls("POST", "/api/chat", json=chat("Hi", trigger="regenerate-message")))[0] == 404
    assert (await mia.gets(SESSIONS))["sessions"] == []


async def test_a_message_is_edited_and_answered_again(mia: Person) -> None:
    """`messageId` of an earlier message: its text changes in place."""
    async with streaming_from(mia, "/api/chat", chat("Hello")) as stream:
        await stream.ends()
    async with streaming_from(mia, "/api/chat", chat("Good evening", messageId="m1")) as stream:
        chunks = await stream.ends()
    assert text_in(chunks) == "1. Good evening"
    session = chunks[0]["messageMetadata"]["session_id"]
    rows = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    assert [row["content"] for row in rows if not row["deleted"]] == ["Good evening", "1. Good evening"]


async def test_a_deleted_chat_starts_over(mia: Person) -> None:
    """Its id can be used again."""
    found = []
    for key in ("m1", "m2"):
        async with streaming_from(mia, "/api/chat", chat("Hello", key=key)) as stream:
            found.append((await stream.hears("start"))["messageMetadata"]["session_id"])
            await stream.ends()
        await mia.calls("DELETE", f"{SESSIONS}/{found[-1]}")
    assert found[0] != found[1]
