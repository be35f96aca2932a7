"""Telegram through a whole gateway: from the Bot API server to Postgres and back."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
import structlog

from gateway.app.running.serve import Running
from tests.fakes.bot_api import FakeBotApi, Fault
from tests.integration.telegram.driver import ADA, BOB, TEAM, TOKEN, until
from tests.world import World, eventually

SESSIONS = "SELECT user_id, channel, session_id, is_active FROM chat_sessions ORDER BY created_at"


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05, webhook_backoff_s=0.05) as server:
        yield server


def settings(fake: FakeBotApi, **given: Any) -> dict[str, Any]:
    return {"token": TOKEN, "api_url": fake.url, "access": "open", **given}


@pytest.fixture
async def gateway(world: World, fake: FakeBotApi) -> Running:
    return await world.gateway(telegram=settings(fake))


async def test_a_message_is_answered_and_stored(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """AC-6: the session is tagged telegram, and holds the message and its reply."""
    fake.says(ADA, "hello there")
    [reply] = await fake.hears(ADA, within=20)
    [session] = await world.rows(SESSIONS)
    assert (session["user_id"], session["channel"]) == ("telegram:5", "telegram")
    rows = await world.rows("SELECT role, content FROM chat_messages ORDER BY seq")
    assert [row["role"] for row in rows] == ["user", "assistant"]
    assert rows[0]["content"] == "hello there"
    assert rows[1]["content"].replace("`", "") == reply.text


async def test_the_session_exists_before_the_agent_is_called(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """AC-6: while the agent is still working, the row exists, and the person sees typing."""
    fake.says(ADA, "wait 30 seconds")
    await eventually(lambda: world.rows(SESSIONS))
    await until(lambda: fake.bot().actions, within=20)
    assert not fake.sent(ADA)


async def test_a_duplicate_is_answered_once(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Row 2: Telegram may deliver an update again at any time."""
    said = fake.says(ADA, "first")
    await fake.hears(ADA, within=20)
    fake.redelivers(said.update_id)
    fake.says(ADA, "second")
    await fake.hears(ADA, within=20)
    texts = [row["content"] for row in await world.rows("SELECT content FROM chat_messages WHERE role = 'user'")]
    assert texts == ["first", "second"]
    assert len(fake.sent(ADA)) == 2


async def test_a_text_that_is_too_long_gets_a_notice(world: World, fake: FakeBotApi) -> None:
    """The sender learns why, and the next message is answered."""
    await world.gateway(telegram=settings(fake), turns={"max_text": 10})
    fake.says(ADA, "much too long" * 800_000)
    fake.says(ADA, "short")
    refused, _ = await fake.hears(ADA, count=2, within=20)
    assert "the limit is 10" in refused.text
    assert [row["content"] for row in await world.rows("SELECT content FROM chat_messages WHERE seq = 1")] == ["short"]


async def test_a_stranger_gets_no_session(world: World, fake: FakeBotApi) -> None:
    """AC-11: with the default access, unlinked people learn how to link, and nothing is stored."""
    await world.gateway(telegram=settings(fake, access="linked", allow=(f"{BOB}=bob",)))
    fake.says(ADA, "let me in")
    assert "link" in (await fake.hears(ADA, within=20))[0].text
    fake.says(BOB, "hello")
    await fake.hears(BOB, within=20)
    assert [row["user_id"] for row in await world.rows(SESSIONS)] == ["bob"]


async def test_new_begins_another_session(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """The earlier one ends and is kept."""
    for text in ("one", "/new", "two"):
        fake.says(ADA, text)
    await fake.hears(ADA, count=3, within=20)
    sessions = await world.rows(SESSIONS)
    assert [session["is_active"] for session in sessions] == [False, True]


async def test_topics_have_separate_sessions(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """And each is answered in its topic."""
    fake.says(TEAM, "in the first", from_id=ADA, thread_id=1)
    fake.says(TEAM, "in the second", from_id=ADA, thread_id=2)
    heard = await fake.hears(TEAM, count=2, within=20)
    assert {message.thread_id: "first" in message.text for message in heard} == {1: True, 2: False}
    assert len(await world.rows(SESSIONS)) == 2


async def test_a_formatted_answer_keeps_its_formatting(fake: FakeBotApi, gateway: Running) -> None:
    """In the outbox, too."""
    fake.says(ADA, "use markdown")
    [reply] = await fake.hears(ADA, within=20)
    assert {"bold", "italic", "code", "pre", "text_link"} <= {str(entity["type"]) for entity in reply.entities}
    assert "**" not in reply.text


async def test_a_long_answer_arrives_in_order(fake: FakeBotApi, gateway: Running) -> None:
    """As several messages, one after another."""
    fake.says(ADA, "answer in 9000 characters")
    heard = await fake.hears(ADA, count=3, within=20)
    assert sum(len(message.text) for message in heard) > 8_900
    assert "sentence 1 " in heard[0].text


async def test_a_malformed_update_is_quarantined(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """Row 22: and the next message is answered."""
    fake.injects({"message": {"chat": "nonsense", "text": "\0"}})
    fake.says(ADA, "hello")
    await fake.hears(ADA, within=20)
    [kept] = await world.rows("SELECT account, key, reason FROM quarantine")
    assert kept["account"] == "telegram:777"
    assert "message_id" in kept["reason"]


async def test_a_reply_that_gets_a_429_arrives_later(fake: FakeBotApi, gateway: Running) -> None:
    """Row 24: other chats get theirs meanwhile."""
    fake.fails(Fault("429", method="sendMessage", chat_id=ADA, retry_after=2))
    fake.says(ADA, "hello")
    fake.says(BOB, "hello")
    await fake.hears(BOB, within=20)
    assert not any(sent.delivered for sent in fake.sent(ADA))
    await fake.hears(ADA, within=20)


async def test_two_replicas_answer_once_and_one_takes_over(world: World, fake: FakeBotApi) -> None:
    """Row 23: one polls; when it is killed, the other takes over."""
    env = {
        "TURNGATE_TELEGRAM__TOKEN": TOKEN,
        "TURNGATE_TELEGRAM__API_URL": fake.url,
        "TURNGATE_TELEGRAM__ACCESS": "open",
        "TURNGATE_SECRET_KEY": "of-both-replicas-together-32-bytes",
    }
    first = await world.process("first", **env)
    fake.says(ADA, "one")
    await fake.hears(ADA, within=20)
    await world.process("second", **env)
    await first.dies()
    fake.says(ADA, "two")
    await fake.hears(ADA, within=30)
    assert len(fake.sent(ADA)) == 2
    assert len(await world.rows(SESSIONS)) == 1


async def test_a_webhook_works_the_same(world: World, fake: FakeBotApi) -> None:
    """Without polling."""
    port = await _free_port()
    await world.gateway(
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        telegram=settings(fake, mode="webhook", webhook_secret="wh-secret-of-this-test"),
    )
    await until(lambda: fake.bot().webhook.url, within=20)
    fake.says(ADA, "hello")
    await fake.hears(ADA, within=20)
    assert not fake.calls("getUpdates")


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


class Line:
    """A connection path to the database's socket that can be cut."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._open: set[asyncio.StreamWriter] = set()
        self.cut = False
        self.refused = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            self.refused += 1
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._socket)
        self._open |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._open -= {writer, far_writer}

    def cuts(self) -> None:
        self.cut = True
        for writer in self._open:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_messages_during_a_database_outage_are_answered_afterwards(world: World, fake: FakeBotApi) -> None:
    """Row 12: nobody holds the lease, so nobody polls or confirms, and Telegram delivers them again."""
    direct = urlsplit(world.database_url)
    host, port = (parse_qs(direct.query)[name][0] for name in ("host", "port"))
    line = Line(f"{host}/.s.PGSQL.{port}")
    async with await asyncio.start_server(line.carry, "127.0.0.1", 0) as server:
        near = server.sockets[0].getsockname()[1]
        world.database_url = f"postgresql://{direct.username}@127.0.0.1:{near}{direct.path}"
        gateway = await world.gateway(telegram=settings(fake))
        world.database_url = urlunsplit(direct)
        await until(lambda: fake.calls("getUpdates"))
        line.cuts()
        said = fake.says(ADA, "is anybody there?")
        [network] = gateway.gateway.engine.networks
        await until(lambda: "interrupted" in network.status.detail, within=30)
        polls = len(fake.calls("getUpdates"))
        knocks = line.refused
        await until(lambda: line.refused > knocks + 15, within=30)
        assert len(fake.calls("getUpdates")) == polls
        assert [update.update_id for update in fake.bot().queue.pending] == [said.update_id]
        line.cut = False
        await fake.hears(ADA, within=30)
        line.cuts()
    rows = await world.rows("SELECT content FROM chat_messages WHERE role = 'user'")
    assert [row["content"] for row in rows] == ["is anybody there?"]


async def test_a_server_without_send_message_is_not_ready(world: World, fake: FakeBotApi) -> None:
    """The log says once why replies wait and what to do, and `/readyz` says so while it lasts."""
    with structlog.testing.capture_logs() as logged:
        gateway = await world.gateway(telegram=settings(fake))
        [network] = gateway.gateway.engine.networks
        fake.fails(Fault("5xx", "sendMessage", status=404, times=0))
        fake.says(ADA, "hello")
        await until(lambda: network.status.state == "failed", within=20)
        await until(lambda: any(entry["event"] == "delivery_deferred" for entry in logged))
    [check] = [check for check in (await gateway.gateway.engine.health.readiness()).checks if check.name == "telegram"]
    [deferred] = [entry for entry in logged if entry["event"] == "delivery_deferred"]
    assert not check.ok
    assert "no sendMessage" in check.detail
    assert deferred["log_level"] == "warning"
    assert deferred["reason"] == check.detail
    assert "TURNGATE_TELEGRAM__API_URL" in check.detail


@pytest.mark.parametrize("status", [500, 404])
async def test_typing_that_fails_is_logged_once(
    status: int, world: World, fake: FakeBotApi, caplog: pytest.LogCaptureFixture
) -> None:
    """However many chats need it; and no exception is left over."""
    fake.fails(Fault("5xx", "sendChatAction", status=status, times=0))
    with structlog.testing.capture_logs() as logged:
        await world.gateway(telegram=settings(fake))
        for chat in range(3001, 3021):
            fake.says(chat, "wait 1 second")
        for chat in range(3001, 3021):
            await fake.hears(chat, within=30)
        await until(lambda: any(entry["event"] == "telegram_optional_call_failed" for entry in logged))
        gc.collect()
    told = [entry["method"] for entry in logged if entry["event"] == "telegram_optional_call_failed"]
    assert told == ["sendChatAction"]
    assert not [record for record in caplog.records if "never retrieved" in record.getMessage()]


async def test_a_question_is_answered_by_its_number(world: World, fake: FakeBotApi, gateway: Running) -> None:
    """The question reaches the chat with numbered choices; the number answers it once, however often it is delivered."""
    fake.says(ADA, "ask me first")
    [question] = await fake.hears(ADA, within=20)
    assert question.text.splitlines()[-2:] == ["1. Allow", "2. Deny"]
    said = fake.says(ADA, "2")
    [answer] = await fake.hears(ADA, within=20)
    assert answer.text == "Then I will not count the words."
    fake.redelivers(said.update_id)
    fake.says(ADA, "hello")
    await fake.hears(ADA, within=20)
    assert len(fake.sent(ADA)) == 3
    kinds = [row["kind"] for row in await world.rows("SELECT kind FROM chat_messages ORDER BY seq")]
    assert kinds == ["message", "message", "answer", "message", "message", "message"]
