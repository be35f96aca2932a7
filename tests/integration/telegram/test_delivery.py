"""Chunks are sent at Telegram's pace, and every outcome is reported accurately."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from channels.telegram.bot_api.calls import BotApi
from channels.telegram.sending.recovery import Recovery
from channels.telegram.settings import Telegram
from channels.telegram.target import Target
from gateway.core.model import Address
from gateway.core.outbound import Chunk
from gateway.errors import DeliveryDeferred, DeliveryRefused, DeliveryUnknown
from tests.fakes.bot_api import FakeBotApi, Fault
from tests.integration.telegram.driver import (
    ADA,
    ADDRESS,
    BOB,
    TEAM,
    TOKEN,
    Gate,
    Opens,
    execute,
    opens_telegram,
    until,
)
from tests.world import eventually

HELLO = Chunk("hello")
TO_BOB = Target(777, BOB).address
LONG_LINE = 60
"""Messages to one chat; the last of them is due in 57 seconds."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN]) as server:
        for chat_id in (ADA, BOB, TEAM):
            server.bot().chat(chat_id)
        yield server


@pytest.fixture
def opens(fake: FakeBotApi, database_url: str) -> Opens:
    return opens_telegram(fake, database_url)


@pytest.fixture
async def gate(opens: Opens) -> AsyncIterator[Gate]:
    async with opens() as running:
        yield running


async def test_a_reply_arrives_as_text_with_entities(fake: FakeBotApi, gate: Gate) -> None:
    """Without link previews, which could leak data without a click."""
    [chunk] = gate.channel.render("**bold** [link](https://example.com)")
    await gate.sends(ADDRESS, chunk)
    [sent] = await fake.hears(ADA)
    assert sent.text == "bold link"
    assert [entity["type"] for entity in sent.entities] == ["bold", "text_link"]
    assert sent.link_preview_disabled


async def test_a_reply_goes_to_its_topic(fake: FakeBotApi, gate: Gate) -> None:
    """The address contains it."""
    fake.says(TEAM, "hello", from_id=ADA, thread_id=9)
    await gate.sends(Target(777, TEAM, 9).address, HELLO)
    assert [sent.thread_id for sent in await fake.hears(TEAM)] == [9]


async def test_a_long_reply_arrives_whole_and_in_order(fake: FakeBotApi, gate: Gate) -> None:
    """Each chunk within Telegram's limit."""
    content = "".join(f"line {number}\n" for number in range(1_000))
    for chunk in gate.channel.render(content):
        await gate.sends(ADDRESS, chunk)
    assert "".join(sent.text for sent in fake.sent(ADA)).split() == content.split()


async def test_typing_is_shown(fake: FakeBotApi, gate: Gate) -> None:
    """In the chat for which the answer is being written."""
    await gate.channel.typing(ADDRESS)
    assert [(action.chat_id, action.action) for action in fake.bot().actions] == [(ADA, "typing")]


async def test_typing_never_fails(fake: FakeBotApi, gate: Gate) -> None:
    """It is optional."""
    fake.fails(Fault("5xx", method="sendChatAction"))
    await gate.channel.typing(ADDRESS)
    await gate.channel.typing(Address("web:nowhere"))


async def test_a_429_defers_its_chat_only(fake: FakeBotApi, gate: Gate) -> None:
    """Row 24: the chat gets nothing until its time is over; others get theirs at once."""
    fake.fails(Fault("429", method="sendMessage", chat_id=ADA, retry_after=30))
    with pytest.raises(DeliveryDeferred) as first:
        await gate.sends(ADDRESS, HELLO)
    assert first.value.retry_after == 30
    with pytest.raises(DeliveryDeferred) as second:
        await gate.sends(ADDRESS, HELLO)
    assert 0 < second.value.retry_after <= 30
    assert len(fake.sent(ADA)) == 1
    await gate.sends(TO_BOB, HELLO)
    assert len(await fake.hears(BOB)) == 1


async def test_a_burst_delays_its_own_chat_only(fake: FakeBotApi, gate: Gate) -> None:
    """From the fourth on, each message to a chat waits a second longer; another chat's first one overtakes them."""
    begun = time.monotonic()
    to_ada = [asyncio.create_task(gate.sends(ADDRESS, HELLO)) for _ in range(LONG_LINE)]
    await gate.sends(TO_BOB, HELLO)
    assert not to_ada[-1].done()
    await to_ada[3]
    assert time.monotonic() - begun >= 1
    for waiting in to_ada:
        waiting.cancel()
    await asyncio.wait(to_ada)


async def test_a_blocked_bot_is_a_permanent_refusal(fake: FakeBotApi, gate: Gate) -> None:
    """Row 27: nothing else is tried at that address."""
    fake.blocks(ADA)
    with pytest.raises(DeliveryRefused) as refused:
        await gate.sends(ADDRESS, HELLO)
    assert refused.value.address_dead


async def test_an_unknown_chat_is_a_permanent_refusal(gate: Gate) -> None:
    """Telegram says that it does not exist."""
    with pytest.raises(DeliveryRefused) as refused:
        await gate.sends(Target(777, 999).address, HELLO)
    assert refused.value.address_dead


async def test_refused_formatting_is_dropped(fake: FakeBotApi, gate: Gate) -> None:
    """Row 28: one retry without it, and the text arrives."""
    fake.fails(Fault("400", method="sendMessage"))
    await gate.sends(ADDRESS, Chunk("bold", '[{"type": "bold", "offset": 0, "length": 4}]'))
    assert [(sent.delivered, sent.entities) for sent in fake.sent(ADA)] == [(False, []), (True, [])]


async def test_any_other_bad_request_is_refused(fake: FakeBotApi, gate: Gate) -> None:
    """A retry would change nothing."""
    fake.fails(Fault("400", method="sendMessage", description="Bad Request: not enough rights"))
    with pytest.raises(DeliveryRefused, match="rights"):
        await gate.sends(ADDRESS, HELLO)
    assert len(fake.sent(ADA)) == 1


@pytest.mark.parametrize("fault", [Fault("5xx"), Fault("lost"), Fault("garbage")], ids=lambda fault: fault.kind)
async def test_a_lost_response_leaves_the_delivery_unknown(fake: FakeBotApi, gate: Gate, fault: Fault) -> None:
    """Row 25: the message may have arrived, so the outcome says so."""
    await until(lambda: gate.channel.status.state == "ready")
    fake.fails(Fault(fault.kind, method="sendMessage"))
    with pytest.raises(DeliveryUnknown):
        await gate.sends(ADDRESS, HELLO)


async def test_chunks_wait_while_a_server_loses_responses(fake: FakeBotApi, gate: Gate) -> None:
    """Row 25: the one retry is not used up during an outage; `getMe` finds out when it ends."""
    await until(lambda: gate.channel.status.state == "ready")
    fake.fails(Fault("lost", method="sendMessage"))
    fake.fails(Fault("5xx", method="getMe", times=2))
    with pytest.raises(DeliveryUnknown):
        await gate.sends(ADDRESS, HELLO)
    asked = len(fake.calls("getMe"))
    await gate.channel.ready(ADDRESS)
    assert len(fake.calls("getMe")) == asked + 3
    await gate.channel.ready(ADDRESS)
    assert len(fake.calls("getMe")) == asked + 3


async def test_a_server_that_never_answers_get_me_delays_chunks_for_a_limited_time(fake: FakeBotApi) -> None:
    """Row 25: after some time chunks are sent all the same."""
    fake.fails(Fault("5xx", method="getMe", times=0))
    api = BotApi(Telegram.model_validate({"token": TOKEN, "api_url": fake.url}))
    recovery = Recovery(api, longest=0.1)
    recovery.doubt()
    await asyncio.wait_for(recovery.wait(), timeout=10)
    await api.close()


async def test_a_refused_connection_is_deferred(fake: FakeBotApi, gate: Gate) -> None:
    """Row 26: the message certainly did not arrive, and soon may."""
    await fake.stop()
    with pytest.raises(DeliveryDeferred):
        await gate.sends(ADDRESS, HELLO)
    await fake.start()
    await gate.sends(ADDRESS, HELLO)
    assert len(await fake.hears(ADA)) == 1


async def test_a_migrated_group_gets_its_messages_under_the_new_id(fake: FakeBotApi, gate: Gate) -> None:
    """Row 27: the message that found out, and later ones."""
    old = Target(777, -77).address
    fake.bot().chat(-77)
    fake.fails(Fault("migrate", method="sendMessage", chat_id=-77, migrate_to_chat_id=TEAM))
    await gate.sends(old, HELLO)
    await gate.sends(old, HELLO)
    assert len(await fake.hears(TEAM, count=2)) == 2
    assert len(fake.sent(-77)) == 1


async def test_a_chat_that_migrated_to_itself_is_dead(fake: FakeBotApi, gate: Gate) -> None:
    """Row 27: a move that leads nowhere is not followed twice."""
    fake.fails(Fault("migrate", method="sendMessage", chat_id=TEAM, migrate_to_chat_id=TEAM))
    with pytest.raises(DeliveryRefused) as refused:
        await gate.sends(Target(777, TEAM).address, HELLO)
    assert refused.value.address_dead


async def test_a_migration_that_cannot_be_stored_defers_the_chunk(
    fake: FakeBotApi, gate: Gate, database_url: str
) -> None:
    """Row 27: it is sent once the database has the new id."""
    old = Target(777, -77).address
    fake.bot().chat(-77)
    fake.fails(Fault("migrate", method="sendMessage", chat_id=-77, times=2, migrate_to_chat_id=TEAM))
    await execute(database_url, "ALTER TABLE schedules RENAME TO away")
    with pytest.raises(DeliveryDeferred):
        await gate.sends(old, HELLO)
    await execute(database_url, "ALTER TABLE away RENAME TO schedules")
    await gate.sends(old, HELLO)
    assert len(await fake.hears(TEAM)) == 1


@pytest.mark.parametrize("address", ["telegram:43:5:0", "telegram:here", "web:assistant"])
async def test_foreign_addresses_are_refused(gate: Gate, address: str) -> None:
    """Another bot's, and malformed ones."""
    with pytest.raises(DeliveryRefused):
        await gate.sends(Address(address), HELLO)


async def test_a_refused_token_defers_replies(opens: Opens, fake: FakeBotApi) -> None:
    """They are sent once the settings are right."""
    async with opens(token="777:AAF-another") as gate:
        with pytest.raises(DeliveryDeferred) as deferred:
            await gate.sends(ADDRESS, HELLO)
        assert deferred.value.retry_after >= 30


async def test_delivery_works_until_the_channel_is_closed(fake: FakeBotApi, gate: Gate) -> None:
    """While the gateway drains, no messages come in, and replies are still sent."""
    gate.running.cancel()
    await asyncio.wait([gate.running])
    await gate.sends(ADDRESS, HELLO)
    assert len(await fake.hears(ADA)) == 1


async def test_a_chunk_whose_lease_expires_before_it_is_written_is_not_sent(fake: FakeBotApi, gate: Gate) -> None:
    """The lease is checked just before the bytes are written, and the chunk may be sent later."""
    looks: list[str] = []

    def lapsed() -> bool:
        looks.append("look")
        return False

    with pytest.raises(DeliveryDeferred) as deferred:
        await gate.channel.deliver(ADDRESS, HELLO, lapsed)
    assert (looks, deferred.value.retry_after, fake.sent(ADA)) == (["look"], 0.0, [])
    await gate.sends(ADDRESS, HELLO)
    assert [sent.text for sent in await fake.hears(ADA)] == ["hello"]


async def test_a_cancelled_request_costs_no_connection(gate: Gate) -> None:
    """When the answer overtakes "typing …", its connection can be reused."""
    await gate.channel.typing(ADDRESS)
    for steps in range(200):
        typing = asyncio.create_task(gate.channel.typing(ADDRESS))
        for _ in range(steps):
            await asyncio.sleep(0)
        typing.cancel()
        await asyncio.wait([typing])
    await gate.sends(ADDRESS, HELLO)
    pool = gate.channel._api._requests._client._transport._pool  # type: ignore[attr-defined] # httpx's own

    async def idle() -> bool:
        return all(connection.is_idle() for connection in pool.connections)

    await eventually(idle)
