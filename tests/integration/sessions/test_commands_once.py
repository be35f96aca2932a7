"""Repeated chat commands: `id` makes a retry harmless for commands, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from tests.conftest import UNHURRIED, own_gateway
from tests.fakes.bot_api import FakeBotApi
from tests.integration.sessions.conversations import commands
from tests.integration.telegram.driver import ADA, TOKEN
from tests.world import Person, World

SESSIONS = "/api/chat/sessions"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    return await shared_world.gateway(
        agents={"assistant": {"kind": "demo"}, "cook": {"kind": "demo"}}, replica=UNHURRIED
    )


@pytest_asyncio.fixture(loop_scope="module")
async def ann(shared_world: World, gateway: Running) -> Person:
    return await shared_world.newcomer(gateway.url)


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as server:
        yield server


async def session_with(person: Person, text: str) -> str:
    """A session with one message."""
    session: str = (await person.posts(SESSIONS, 201))["session_id"]
    await person.posts(f"{SESSIONS}/{session}/messages", 200, text=text)
    return session


async def count(person: Person) -> int:
    total: int = (await person.gets(SESSIONS))["total"]
    return total


async def test_a_repeated_fork_is_made_once(ann: Person) -> None:
    """CONTRACT: the first wins; the retry names the same copy, even when both arrive at once."""
    path = f"{SESSIONS}/{await session_with(ann, 'One')}/messages"
    notices = {(await ann.posts(path, 200, text="/fork", id="k"))["notice"] for _ in range(2)}
    notices |= set(
        await asyncio.gather(*(_notice(ann, path, "k") for _ in range(4))),
    )
    assert (len(notices), await count(ann)) == (1, 2)
    await ann.posts(path, 200, text="/fork", id="another")
    await ann.posts(f"{SESSIONS}/{await session_with(ann, 'Two')}/messages", 200, text="/fork", id="k")
    assert await count(ann) == 5


async def _notice(person: Person, path: str, key: str) -> str:
    answer: str = (await person.posts(path, 200, text="/fork", id=key))["notice"]
    return answer


async def test_a_reconnecting_socket_gets_its_earlier_fork(ann: Person) -> None:
    """Whether it names the original session or resumes its route, which leads to the copy by then."""
    for named in (True, False):
        first = await ann.connects(agent="assistant")
        await commands(first, "/new")
        parent = (await first.asks("One", f"one-{named}"))["session_id"]
        before = await count(ann)
        await first.says(type="send", id=f"fork-{named}", text="/fork")
        copy = (await first.hears("ready"))["session_id"]
        second = await ann.connects(**({"session_id": parent} if named else {"agent": "assistant"}))
        await second.says(type="send", id=f"fork-{named}", text="/fork")
        assert (await second.hears("ready"))["session_id"] == copy
        assert await count(ann) == before + 1


async def test_a_message_id_cannot_run_a_command(ann: Person) -> None:
    """The first use wins: its reply is returned, and nothing is renamed."""
    session = await session_with(ann, "One")
    path = f"{SESSIONS}/{session}/messages"
    first = await ann.posts(path, 200, text="Two", id="k")
    assert await ann.posts(path, 200, text="/title Changed", id="k") == first
    assert (await ann.gets(f"{SESSIONS}/{session}"))["title"] != "Changed"
    socket = await ann.connects()
    begun = await socket.asks("Three", "n")
    await socket.says(type="send", id="n", text="/title Changed")
    assert (await socket.hears("ack", id="n"))["session_id"] == begun["session_id"]
    assert (await ann.gets(f"{SESSIONS}/{begun['session_id']}"))["title"] != "Changed"


async def test_resuming_twice_without_a_list_leads_to_the_same_session(ann: Person) -> None:
    """The numbers stay those of the first time, although the order has changed."""
    older = await session_with(ann, "Older")
    await session_with(ann, "Newer")
    socket = await ann.connects()
    for _ in range(2):
        await socket.says(type="send", id="k", text="/resume 2")
        assert (await socket.hears("ready"))["session_id"] == older


async def test_new_over_http_says_how_to_begin(ann: Person) -> None:
    """Each message names its session, so none ends; any text after it becomes a new session's first message."""
    session = await session_with(ann, "One")
    path = f"{SESSIONS}/{session}/messages"
    notice = (await ann.posts(path, 200, text="/new"))["notice"]
    assert "POST /api/chat/sessions" in notice
    assert (await ann.gets(f"{SESSIONS}/{session}"))["is_active"]
    assert (await ann.posts(path, 200, text="Two"))["message"]["session_id"] == session
    begun = (await ann.posts(path, 200, text="/new Three"))["message"]
    assert (begun["content"], begun["session_id"] != session) == ("Three", True)


@own_gateway
async def test_unlink_with_extra_words_goes_to_the_agent(world: World, fake: FakeBotApi) -> None:
    """docs/identity.md: in Telegram `/unlink` takes no arguments, so the link stays."""
    given = {"token": TOKEN, "api_url": fake.url, "access": "open"}
    running = await world.gateway(telegram=given)
    ann = await world.person("ann", running.url)
    code = (await ann.posts("/api/links/telegram", 201))["code"]
    for text, answer in ((f"/link {code}", "Linked"), ("/unlink now", "message 1"), ("/unlink 1", "on its own")):
        fake.says(ADA, text)
        assert answer in (await fake.hears(ADA, within=20))[0].text
    assert len((await ann.gets("/api/links"))["links"]) == 1
