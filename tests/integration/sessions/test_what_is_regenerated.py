"""Which message is regenerated: the named one or the last; and the error where there is none."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.integration.ai_sdk.ui_streams import SESSIONS, chat, settings, streaming_from
from tests.world import Person, World

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture
async def mia(world: World) -> Person:
    return await world.person("mia", (await world.gateway(**settings())).url)


async def talk(mia: Person, *texts: str) -> str:
    """A session that holds these exchanges."""
    session: str = (await mia.posts(SESSIONS, 201))["session_id"]
    for text in texts:
        await mia.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def rows(mia: Person, session: str) -> list[dict[str, Any]]:
    page = await mia.gets(f"{SESSIONS}/{session}/messages")
    return list(page["messages"])


async def test_an_unknown_message_id_does_not_regenerate_the_last_answer(mia: Person) -> None:
    """Such as a notice's: the last answer stays, and the caller learns why nothing was done."""
    session = await talk(mia, "hello")
    before = await rows(mia, session)
    for unknown in ("bubble of a notice", NOWHERE, f"{session}.99", f"{session}.02"):
        again = chat("hello", chat_id=session, trigger="regenerate-message", messageId=unknown)
        status, problem = await mia.calls("POST", "/api/chat", json=again)
        assert (status, problem["detail"]) == (404, "There is no such message.")
    assert await rows(mia, session) == before


async def test_a_notice_cannot_be_regenerated(mia: Person) -> None:
    """As `useChat` asks for it: by the id that the notice was streamed with."""
    async with streaming_from(mia, "/api/chat", chat("hello")) as stream:
        await stream.ends()
    async with streaming_from(mia, "/api/chat", chat("/status", key="m2")) as stream:
        notice = await stream.hears("start")
        await stream.ends()
    again = chat("/status", key="m2", trigger="regenerate-message", messageId=notice["messageId"])
    assert (await mia.calls("POST", "/api/chat", json=again))[0] == 404


async def test_regenerating_waits_for_an_answer_in_progress(world: World) -> None:
    """It has no row yet, but is not unknown."""
    ann = await world.person("ann", (await world.gateway(data_dir="other")).url)
    async with streaming_from(ann, "/api/chat", chat("wait 20 seconds")) as stream:
        turn = (await stream.hears("start"))["messageId"]
        again = chat("wait 20 seconds", trigger="regenerate-message", messageId=turn)
        status, problem = await ann.calls("POST", "/api/chat", json=again)
        assert (status, problem["detail"].split(".")[0]) == (409, "An answer is being written in this session")
        await ann.posts(f"/api/turns/{turn}/cancel", 202)
        await stream.ends()


async def test_a_session_without_messages_cannot_be_regenerated(mia: Person) -> None:
    """409 and what to do; a named message that does not exist is a 404."""
    session = await talk(mia)
    problem = await mia.posts(f"{SESSIONS}/{session}/regenerate", 409)
    assert problem["detail"] == "There is nothing to answer yet. Write a message first."
    problem = await mia.posts(f"{SESSIONS}/{session}/regenerate", 404, message_id=f"{session}.1")
    assert problem["detail"] == "There is no such message."


async def test_a_reply_without_its_question_cannot_be_regenerated(mia: Person) -> None:
    """The reply itself is still visible, so the error says what is missing."""
    session = await talk(mia, "one", "two")
    assert (await mia.calls("DELETE", f"{SESSIONS}/{session}/messages/{session}.3"))[0] == 204
    problem = await mia.posts(f"{SESSIONS}/{session}/regenerate", 409, message_id=f"{session}.4")
    assert "question" in problem["detail"]
    problem = await mia.posts(f"{SESSIONS}/{session}/regenerate", 404, message_id=f"{session}.3")
    assert problem["detail"] == "There is no such message."


async def test_forking_a_long_conversation_costs_one_message(world: World) -> None:
    """`token_messages_per_minute`: although the fork copies every message."""
    gateway = await world.gateway(limits={"token_messages_per_minute": 2}, data_dir="other")
    ann = await world.person("ann", gateway.url)
    session = await talk(ann, "hello")
    await ann.posts(f"{SESSIONS}/{session}/fork", 201)
    problem = await ann.posts(f"{SESSIONS}/{session}/fork", 429)
    assert "limits.token_messages_per_minute" in problem["detail"]
