"""Chat commands, the same on every channel: web chat, HTTP and Telegram."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from gateway.core.commands import HELP
from tests.conftest import UNHURRIED, own_gateway
from tests.fakes.bot_api import FakeBotApi
from tests.integration.sessions.conversations import commands
from tests.integration.telegram.driver import ADA, TOKEN
from tests.world import Person, World, eventually

AGENTS = {
    "assistant": {"kind": "demo"},
    "cook": {"kind": "demo", "description": "Knows recipes"},
}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_world: World) -> Running:
    return await shared_world.gateway(agents=AGENTS, replica=UNHURRIED)


@pytest_asyncio.fixture(loop_scope="module")
async def ann(shared_world: World, gateway: Running) -> Person:
    return await shared_world.newcomer(gateway.url)


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as server:
        yield server


async def telegram(world: World, fake: FakeBotApi) -> tuple[Running, Person]:
    """A gateway whose bot knows Ada as the user ann."""
    given = {"token": TOKEN, "api_url": fake.url, "allow": (f"{ADA}=ann",)}
    running = await world.gateway(telegram=given, agents=AGENTS)
    return running, await world.person("ann", running.url)


async def told(fake: FakeBotApi, text: str) -> str:
    """The bot's next reply."""
    fake.says(ADA, text)
    return (await fake.hears(ADA, within=20))[0].text


async def talk(person: Person, text: str, title: str = "", **hello: Any) -> str:
    """The session of a conversation with one message."""
    socket = await person.connects(**hello)
    await commands(socket, "/new")
    session_id: str = (await socket.asks(text, text))["session_id"]
    if title:
        await commands(socket, f"/title {title}")
    await socket.socket.close()
    return session_id


async def test_help_lists_every_command(ann: Person) -> None:
    """CONTRACT: all of them, with a description of each."""
    socket = await ann.connects()
    listed = re.findall(r"^/(\w+): \w", await commands(socket, "/help"), re.MULTILINE)
    assert listed == list(HELP)
    contract = ["new", "stop", "status", "sessions", "resume", "title", "fork", "agent", "link", "unlink", "help"]
    assert sorted(listed) == sorted(contract)


async def test_unknown_commands_go_to_the_agent(ann: Person) -> None:
    """As plain text."""
    socket = await ann.connects()
    assert "message 1" in (await socket.asks("/weather in Rome", "k1"))["content"]


async def test_sessions_are_numbered(shared_world: World, gateway: Running, ann: Person) -> None:
    """Latest first, with title, channel, agent and age; the current one is marked; other users' are not listed."""
    eve = await shared_world.newcomer(gateway.url)
    await talk(eve, "secret", "Eve's own")
    await talk(ann, "one", "Rome")
    await talk(ann, "two", "Paris", agent="cook", channel="terminal")
    socket = await ann.connects(channel="terminal", agent="cook")
    lines = (await commands(socket, "/sessions")).splitlines()
    assert lines[1] == "1. Paris · terminal · cook · just now (this one)"
    assert lines[2] == "2. Rome · web · assistant · just now"
    assert "Eve" not in "".join(lines)


async def test_resume_switches_to_a_listed_session(ann: Person) -> None:
    """The socket moves there: `ready` says so, and later messages go there, with its agent."""
    rome = await talk(ann, "how old is Rome?", "Rome", agent="cook")
    await talk(ann, "how old is Paris?", "Paris")
    socket = await ann.connects()
    listed = await commands(socket, "/sessions")
    assert "2. Rome" in listed
    answer = await commands(socket, "/resume 2")
    assert "“Rome”" in answer
    assert "You: how old is Rome?" in answer
    ready = await socket.hears("ready")
    assert (ready["session_id"], ready["agent"], ready["resumed"]) == (rome, "cook", True)
    reply = await socket.asks("and now?", "k9")
    assert (reply["session_id"], reply["seq"]) == (rome, 4)
    assert "what was" not in reply["content"]


async def test_numbers_refer_to_the_last_list_shown(ann: Person) -> None:
    """Whatever has happened elsewhere since."""
    rome = await talk(ann, "one", "Rome")
    await talk(ann, "two", "Paris")
    socket = await ann.connects(channel="terminal")
    assert "2. Rome" in await commands(socket, "/sessions")
    await talk(ann, "three", "Oslo")
    await commands(socket, "/resume 2")
    assert (await socket.hears("ready"))["session_id"] == rome


@pytest.mark.parametrize("wrong", ["/resume 7", "/resume 0", "/resume two", "/resume"])
async def test_a_wrong_number_shows_the_list_again(wrong: str, ann: Person) -> None:
    """With an explanation, and the session stays the same."""
    await talk(ann, "one", "Rome")
    socket = await ann.connects()
    answer = await commands(socket, wrong)
    assert "1. Rome" in answer
    assert "/resume" in answer
    assert [frame["type"] for frame in socket.heard] == ["ready", "notice"]


async def test_resuming_a_deleted_session_says_so(ann: Person) -> None:
    """It was deleted between the list and the choice."""
    rome = await talk(ann, "one", "Rome")
    socket = await ann.connects(channel="terminal")
    await commands(socket, "/sessions")
    assert (await ann.calls("DELETE", f"/api/chat/sessions/{rome}"))[0] == 204
    assert "gone" in await commands(socket, "/resume 1")


async def test_agent_lists_agents_and_selects_one(ann: Person) -> None:
    """The next message starts a new conversation with the selected agent."""
    await talk(ann, "an old one", agent="cook")
    socket = await ann.connects()
    first = (await socket.asks("hello", "k1"))["session_id"]
    assert "cook: Knows recipes" in await commands(socket, "/agent")
    assert "no agent nobody" in await commands(socket, "/agent nobody")
    await commands(socket, "/agent COOK")
    ready = await socket.hears("ready")
    assert (ready["session_id"], ready["agent"]) == (None, "cook")
    reply = await socket.asks("hello", "k2")
    assert reply["seq"] == 2
    session = await ann.gets(f"/api/chat/sessions/{reply['session_id']}")
    assert (session["agent_name"], session["message_count"]) == ("cook", 2)
    assert (await ann.gets(f"/api/chat/sessions/{first}"))["is_active"]


async def test_fork_continues_in_a_copy(ann: Person) -> None:
    """S-4: with the history; the first conversation stays unchanged."""
    socket = await ann.connects()
    assert "Write a message first" in await commands(socket, "/fork")
    parent = (await socket.asks("my colour is red", "k1"))["session_id"]
    await commands(socket, "/fork")
    ready = await socket.hears("ready")
    assert ready["session_id"] != parent
    assert ready["last_seq"] == 2
    reply = await socket.asks("what was my last question?", "k2")
    assert reply["session_id"] == ready["session_id"]
    assert "my colour is red" in reply["content"]
    fork = await ann.gets(f"/api/chat/sessions/{ready['session_id']}")
    assert fork["parent_session_id"] == parent
    assert (await ann.gets(f"/api/chat/sessions/{parent}"))["message_count"] == 2


async def test_a_title_needs_words(ann: Person) -> None:
    """Without them, the reply explains the usage, as for every command."""
    socket = await ann.connects()
    await socket.asks("hello", "k1")
    assert "/title Holiday plans" in await commands(socket, "/title")
    assert "“Rome”" in await commands(socket, "/title Rome")


async def test_commands_work_over_http(ann: Person) -> None:
    """As `notice`; each message names its session, so the reply names the session to use."""
    rome = await talk(ann, "one", "Rome")
    other = (await ann.posts("/api/chat/sessions", 201, title="Oslo"))["session_id"]
    path = f"/api/chat/sessions/{other}/messages"
    listed = (await ann.posts(path, 200, text="/sessions"))["notice"]
    number = re.search(r"(\d)\. Rome", listed)
    assert number is not None
    assert rome in (await ann.posts(path, 200, text=f"/resume {number[1]}"))["notice"]
    assert "POST /api/chat/sessions" in (await ann.posts(path, 200, text="/agent cook"))["notice"]


@own_gateway
async def test_a_web_conversation_continues_on_telegram(world: World, fake: FakeBotApi) -> None:
    """With its own agent, however old it is; the reply reaches both channels."""
    _, ann = await telegram(world, fake)
    rome = await talk(ann, "how old is Rome?", "Rome", agent="cook")
    await world.rows("UPDATE chat_sessions SET last_message_at = now() - interval '3 days' RETURNING 1")
    listed = await told(fake, "/sessions")
    assert "1. Rome · web · cook · 3 d ago" in listed
    assert "You: how old is Rome?" in await told(fake, "/resume 1")
    web = await ann.connects(session_id=rome)
    await told(fake, "and Paris?")
    assert (await web.hears("message"))["message"]["content"] == "and Paris?"
    session = await ann.gets(f"/api/chat/sessions/{rome}")
    assert (session["message_count"], session["agent_name"]) == (4, "cook")


@own_gateway
async def test_a_telegram_conversation_continues_on_the_web(world: World, fake: FakeBotApi) -> None:
    """And the Telegram chat receives the replies given on the web."""
    _, ann = await telegram(world, fake)
    await told(fake, "hello from Telegram")
    socket = await ann.connects()
    assert "telegram" in await commands(socket, "/sessions")
    await commands(socket, "/resume 1")
    await socket.hears("ready")
    await socket.asks("hello from the web", "k1")
    assert "hello from the web" in (await fake.hears(ADA, within=20))[0].text


@own_gateway
async def test_telegram_remembers_the_chosen_agent(world: World, fake: FakeBotApi) -> None:
    """In that chat, from the next conversation on."""
    _, ann = await telegram(world, fake)
    await told(fake, "hello")
    await told(fake, "/agent cook")
    await told(fake, "hello cook")
    await told(fake, "/new")
    await told(fake, "hello again")
    sessions = (await ann.gets("/api/chat/sessions"))["sessions"]
    assert [session["agent_name"] for session in sessions] == ["cook", "cook", "assistant"]


@own_gateway
async def test_telegram_receives_the_command_menu(world: World, fake: FakeBotApi) -> None:
    """For the menu that Telegram shows."""
    await telegram(world, fake)

    async def published() -> bool:
        return bool(fake.calls("setMyCommands"))

    await eventually(published)
