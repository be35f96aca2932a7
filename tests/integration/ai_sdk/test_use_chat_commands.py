"""Chat commands in `useChat`: they take effect, and the next message goes to the new session."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from tests.integration.ai_sdk.ui_streams import SESSIONS, chat, settings, streaming_from, text_in
from tests.world import Person, World


@pytest_asyncio.fixture
async def mia(world: World) -> Person:
    """At a gateway with two agents of one kind."""
    given = settings()
    agents = dict.fromkeys(("plain", "other"), given["agents"]["plain"])
    return await world.person("mia", (await world.gateway(**{**given, "agents": agents})).url)


async def says(person: Person, text: str, key: str, **more: Any) -> tuple[str, str]:
    """The answer's text, and the session it names."""
    async with streaming_from(person, "/api/chat", chat(text, key=key, **more)) as stream:
        chunks = await stream.ends()
    return text_in(chunks), chunks[0]["messageMetadata"]["session_id"]


async def test_after_fork_the_chat_is_the_copy(mia: Person) -> None:
    """A retry of `/fork` returns the same copy."""
    _, first = await says(mia, "one", "m1")
    _, copy = await says(mia, "/fork", "m2")
    _, again = await says(mia, "/fork", "m2")
    answer, following = await says(mia, "two", "m3")
    assert (first != copy, again, following, answer) == (True, copy, copy, "2. two")
    assert (await mia.gets(SESSIONS))["total"] == 2
    assert (await mia.gets(f"{SESSIONS}/{copy}"))["parent_session_id"] == first


async def test_after_resume_the_chat_is_the_listed_session(mia: Person) -> None:
    """Wherever it was started."""
    other = (await mia.posts(SESSIONS, 201))["session_id"]
    await mia.posts(f"{SESSIONS}/{other}/messages", 200, text="Over there")
    await says(mia, "one", "m1")
    told, _ = await says(mia, "/sessions", "m2")
    assert "2. " in told
    assert (await says(mia, "/resume 2", "m3"))[1] == other
    assert await says(mia, "two", "m4") == ("2. two", other)


async def test_after_agent_the_chat_starts_with_that_agent(mia: Person) -> None:
    """Whatever the page's own `agent` is; a retry creates no further session."""
    _, first = await says(mia, "one", "m1", agent="plain")
    _, begun = await says(mia, "/agent other", "m2", agent="plain")
    assert (await says(mia, "/agent other", "m2", agent="plain"))[1] == begun
    _, following = await says(mia, "two", "m3", agent="plain")
    assert (begun != first, following) == (True, begun)
    session = await mia.gets(f"{SESSIONS}/{begun}")
    assert (session["agent_name"], (await mia.gets(SESSIONS))["total"]) == ("other", 2)
    assert not (await mia.gets(f"{SESSIONS}/{first}"))["message_count"] > 2


async def test_editing_an_unknown_message_is_not_found(mia: Person) -> None:
    """And adds no message."""
    _, session = await says(mia, "one", "m1")
    for wanted in ("nope", f"{session}.99"):
        status, problem = await mia.calls("POST", "/api/chat", json=chat("two", key=wanted, messageId=wanted))
        assert (status, problem["title"]) == (404, "Not Found")
    assert (await mia.gets(f"{SESSIONS}/{session}"))["message_count"] == 2


async def test_a_chat_with_a_session_id_stays_in_that_session(mia: Person) -> None:
    """As over HTTP: commands say which session to name, and the id still names its own."""
    session = (await mia.posts(SESSIONS, 201))["session_id"]
    await mia.posts(f"{SESSIONS}/{session}/messages", 200, text="one")
    for number, text in enumerate(("/fork", "/agent other", "/new", "/new two")):
        told, _ = await says(mia, text, f"m{number}", id=session)
        assert number == 3 or "Over HTTP each message names its session" in told
    assert await says(mia, "three", "m5", id=session) == ("2. three", session)
