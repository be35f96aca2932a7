"""Answers as AI SDK's UI message stream: `Accept: text/event-stream`."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from gateway.api.responses.streaming import KEEP_ALIVE_S
from gateway.app.building.seams import Seams
from gateway.app.running.serve import Running
from tests.ai_sdk.agents import ANSWER, BEGUN
from tests.clock import Clock
from tests.integration.ai_sdk.ui_streams import SESSIONS, STREAMED, go, sending, session_with, settings, text_in
from tests.world import Person, World, eventually


@pytest.fixture
def clock() -> Clock:
    """The gateway's."""
    return Clock()


@pytest_asyncio.fixture
async def gateway(world: World, clock: Clock) -> Running:
    return await world.gateway(Seams(clock=clock), **settings())


@pytest_asyncio.fixture
async def mia(world: World, gateway: Running) -> Person:
    return await world.person("mia", gateway.url)


@pytest_asyncio.fixture
async def tom(world: World, gateway: Running) -> Person:
    return await world.person("tom", gateway.url)


async def test_a_message_is_answered_by_a_stream(mia: Person) -> None:
    """S-5, M-6: from start to finish, with the ids of the rows."""
    session = await session_with(mia, "plain")
    async with sending(mia, session, "Hello", id="k1") as stream:
        chunks = await stream.ends()
    start, ended = chunks[0], next(chunk for chunk in chunks if chunk["type"] == "message-metadata")
    rows = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
    assert [row["id"] for row in rows] == [start["messageMetadata"]["message_id"], ended["messageMetadata"]["reply_id"]]
    assert start["messageId"] == rows[1]["turn_id"]
    assert text_in(chunks) == rows[1]["content"] == "1. Hello"
    assert chunks[-1] == {"type": "finish"}


async def test_a_stream_has_the_headers_for_ai_sdk_and_proxies(mia: Person) -> None:
    """No proxy may buffer it."""
    session = await session_with(mia, "plain")
    async with sending(mia, session, "Hello") as stream:
        headers = stream.response.headers
    assert headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["X-Accel-Buffering"] == "no"
    assert {"no-store", "no-transform"} <= set(headers["Cache-Control"].split(", "))


async def test_the_answer_is_streamed_while_it_is_written(mia: Person, tmp_path: Path) -> None:
    """S-5: tools and text arrive before the end is known."""
    async with sending(mia, await session_with(mia, "teller"), str(tmp_path)) as stream:
        await stream.hears("tool-input-available", toolName="look")
        await stream.hears("tool-output-available", output="a gate")
        await stream.hears("text-delta", delta=BEGUN)
        go(tmp_path)
        chunks = await stream.ends()
    assert text_in(chunks) == ANSWER


async def test_the_message_is_durable_before_the_first_byte(mia: Person, tmp_path: Path) -> None:
    """And a client that disconnects then does not stop its turn."""
    session = await session_with(mia, "teller")
    async with sending(mia, session, str(tmp_path)) as stream:
        await stream.hears("start")
        stream.response.close()
    go(tmp_path)

    async def answered() -> bool:
        rows = (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]
        return [row["content"] for row in rows] == [str(tmp_path), ANSWER]

    await eventually(answered)


async def test_a_repeated_message_streams_the_same_answer(mia: Person, tmp_path: Path) -> None:
    """During the answer, and after it."""
    session = await session_with(mia, "teller")
    async with sending(mia, session, str(tmp_path), id="k1") as first:
        await first.hears("text-delta")
        async with sending(mia, session, str(tmp_path), id="k1") as second:
            await second.hears("text-delta", delta=BEGUN)
            go(tmp_path)
            assert text_in(await second.ends()) == text_in(await first.ends()) == ANSWER
    async with sending(mia, session, str(tmp_path), id="k1") as third:
        assert text_in(await third.ends()) == ANSWER
    assert len((await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"]) == 2


@pytest.mark.parametrize(
    ("agent", "shown"), [("stumbling", [ANSWER]), ("wavering", ["It was a dark night, ", ANSWER])], ids=str
)
async def test_another_attempt_is_shown_once(mia: Person, tmp_path: Path, agent: str, shown: list[str]) -> None:
    """Repeated text is not sent again; different text becomes a step of its own."""
    async with sending(mia, await session_with(mia, agent), str(tmp_path)) as stream:
        await stream.hears("text-delta")
        go(tmp_path, "fail")
        go(tmp_path)
        chunks = await stream.ends()
    begins = [number for number, chunk in enumerate(chunks) if chunk["type"] == "start-step"]
    steps = [text_in(chunks[begin:end]) for begin, end in zip(begins, [*begins[1:], None], strict=True)]
    assert steps == shown


async def test_an_apology_finishes_the_stream(mia: Person, tmp_path: Path) -> None:
    """The turn failed, and `status` says so."""
    async with sending(mia, await session_with(mia, "sorry"), str(tmp_path)) as stream:
        go(tmp_path, "fail")
        chunks = await stream.ends()
    assert text_in(chunks).endswith("Please try again.")
    assert [chunk["data"]["status"] for chunk in chunks if chunk["type"] == "data-turn"][-1] == "failed"
    assert chunks[-1]["type"] == "finish"


async def test_a_cancelled_answer_ends_with_abort(mia: Person, tmp_path: Path) -> None:
    """With the text so far."""
    async with sending(mia, await session_with(mia, "teller"), str(tmp_path)) as stream:
        start = await stream.hears("start")
        await stream.hears("text-delta")
        await mia.posts(f"/api/turns/{start['messageId']}/cancel", 202)
        chunks = await stream.ends()
    assert text_in(chunks) == BEGUN
    assert [chunk["type"] for chunk in chunks[-2:]] == ["abort", "finish"]


async def test_a_message_that_waits_says_so(mia: Person, tmp_path: Path) -> None:
    """`queued` until its turn comes."""
    session = await session_with(mia, "teller")
    (behind := tmp_path / "behind").mkdir()
    async with sending(mia, session, str(tmp_path)) as first, sending(mia, session, str(behind)) as second:
        assert (await second.hears("data-turn"))["data"]["status"] == "queued"
        await first.hears("text-delta")
        go(tmp_path)
        await first.ends()
        await second.hears("data-turn")
        go(behind)
        statuses = [chunk["data"]["status"] for chunk in await second.ends() if chunk["type"] == "data-turn"]
    assert statuses == ["queued", "running", "completed"]


async def test_a_chat_command_is_answered_by_a_notice(mia: Person) -> None:
    """As text for people, and as data for programs; it leaves no row."""
    session = await session_with(mia, "plain")
    async with sending(mia, session, "/help") as stream:
        chunks = await stream.ends()
    notice = next(chunk for chunk in chunks if chunk["type"] == "data-notice")
    assert notice["data"]["text"] == text_in(chunks)
    assert (await mia.gets(f"{SESSIONS}/{session}/messages"))["messages"] == []


async def test_refusals_before_the_stream_are_problems(mia: Person, tom: Person) -> None:
    """With their own status, whatever the caller accepts."""
    session = await session_with(mia, "plain")
    path = f"{SESSIONS}/{session}/messages"
    assert (await tom.calls("POST", path, json={"text": "Hi"}, headers=STREAMED))[0] == 404
    assert (await mia.calls("POST", path, json={"text": " "}, headers=STREAMED))[0] == 400
    assert (await mia.calls("POST", path, json={"text": "x" * 100_001}, headers=STREAMED))[0] == 413


async def test_a_busy_session_refuses_before_the_stream(world: World, tmp_path: Path) -> None:
    """`reject`: 409."""
    given = settings()
    given["agents"]["teller"]["multitask_strategy"] = "reject"
    mia = await world.person("mia", (await world.gateway(**given)).url)
    session = await session_with(mia, "teller")
    async with sending(mia, session, str(tmp_path)) as stream:
        await stream.hears("text-delta")
        path = f"{SESSIONS}/{session}/messages"
        assert (await mia.calls("POST", path, json={"text": "Hi"}, headers=STREAMED))[0] == 409
        go(tmp_path)
        await stream.ends()


async def test_a_silent_stream_is_kept_alive(mia: Person, tmp_path: Path, clock: Clock) -> None:
    """By a comment now and then, which clients ignore."""
    async with sending(mia, await session_with(mia, "teller"), str(tmp_path)) as stream:
        await stream.hears("text-delta")
        clock.ahead_s += KEEP_ALIVE_S
        assert await stream.hears_comment() == ": keep-alive"
        go(tmp_path)
        assert text_in(await stream.ends()) == ANSWER


async def test_an_answer_from_another_replica_comes_with_its_row(world: World, mia: Person, tmp_path: Path) -> None:
    """Deltas stay where the turn runs; the whole text comes once, at the end."""
    elsewhere = await world.gateway(data_dir="second", **settings())
    session = await session_with(mia, "teller")
    async with sending(mia, session, str(tmp_path), id="k1") as here:
        await here.hears("text-delta")
        there = Person(mia.user, mia.token, elsewhere.url, mia.http)
        async with sending(there, session, str(tmp_path), id="k1") as stream:
            await stream.hears("start")
            go(tmp_path)
            assert text_in(await stream.ends()) == text_in(await here.ends()) == ANSWER


async def test_deleting_a_conversation_ends_its_streams(mia: Person, tmp_path: Path) -> None:
    """With an error, since no row will come."""
    session = await session_with(mia, "teller")
    async with sending(mia, session, str(tmp_path)) as stream:
        await stream.hears("text-delta")
        assert (await mia.calls("DELETE", f"{SESSIONS}/{session}"))[0] == 204
        assert {chunk["type"] for chunk in await stream.ends()} & {"abort", "error"}
