"""Updates arrive through long polling: each is settled before it is confirmed, and none blocks the others."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import redirect_stderr
from itertools import pairwise

import pytest
import structlog

from channels.telegram.checks import check_bot
from channels.telegram.name import TELEGRAM
from channels.telegram.settings import Telegram
from gateway.core.commands import HELP
from gateway.core.inbound import InboundMessage
from gateway.core.model import Address, Route, UserId
from gateway.core.networks import CheckedCall
from gateway.core.service import Notice
from gateway.errors import GatewayError, InvalidInput
from gateway.log import configure_logging
from storage.replicas.replicas import is_polled
from tests.fakes.bot_api import FakeBotApi, Fault, UserMessage
from tests.fakes.bot_api.records import Webhook
from tests.fakes.bot_api.wire import Json
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


@pytest.fixture
async def fake() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(tokens=[TOKEN], conflict_penalty_s=0.05) as server:
        yield server


@pytest.fixture
def opens(fake: FakeBotApi, database_url: str) -> Opens:
    return opens_telegram(fake, database_url)


@pytest.fixture
async def gate(opens: Opens) -> AsyncIterator[Gate]:
    async with opens() as running:
        yield running


async def test_a_message_is_taken_in_with_user_route_and_key(fake: FakeBotApi, gate: Gate) -> None:
    """AC-6's first half: an update becomes one inbound message."""
    said = fake.says(ADA, "hello")
    await until(lambda: gate.intake.taken)
    assert gate.intake.taken == [
        InboundMessage(
            user_id=UserId("telegram:5"),
            channel=TELEGRAM,
            agent=gate.intake.taken[0].agent,
            text="hello",
            key=f"tg:777:5:{said.message_id}:0",
            route=Route("telegram:777:5:0"),
            deliver_to=(Address("telegram:777:5:0"),),
            account="5",
        )
    ]


async def test_topics_and_groups_have_their_own_routes(fake: FakeBotApi, gate: Gate) -> None:
    """Sessions are keyed by bot, chat and topic."""
    fake.says(TEAM, "in the topic", from_id=ADA, thread_id=9)
    await until(lambda: gate.intake.taken)
    assert gate.intake.taken[0].route == f"telegram:777:{TEAM}:9"
    assert gate.intake.taken[0].user_id == "telegram:5"


async def test_an_update_is_confirmed_only_after_it_is_stored(fake: FakeBotApi, gate: Gate) -> None:
    """Row 1: after a crash in between Telegram delivers it again."""
    gate.intake.held_up["hello"] = asyncio.Event()
    said = fake.says(ADA, "hello")
    await until(lambda: gate.intake.tries["hello"])
    assert fake.bot().queue.confirmed_offset <= said.update_id
    gate.intake.held_up["hello"].set()
    await until(lambda: fake.bot().queue.confirmed_offset == said.update_id + 1)


async def test_a_chat_keeps_its_order_and_delays_no_other(opens: Opens, fake: FakeBotApi) -> None:
    """Chats are settled concurrently, each in order."""
    for chat_id, text in [(ADA, "first"), (ADA, "second"), (BOB, "other")]:
        fake.says(chat_id, text)
    async with opens() as gate:
        gate.intake.held_up["first"] = asyncio.Event()
        await until(lambda: gate.intake.texts == ["other"])
        assert not gate.intake.tries["second"]
        gate.intake.held_up["first"].set()
        await until(lambda: gate.intake.texts == ["other", "first", "second"])


async def test_nothing_is_confirmed_while_the_store_is_unavailable(fake: FakeBotApi, gate: Gate) -> None:
    """The message comes again until it is stored; later ones already settled are not settled twice."""
    gate.intake.away_for = {ADA}
    said = fake.says(ADA, "hello")
    fake.says(BOB, "me too")
    await until(lambda: gate.intake.tries["hello"] >= 2)
    assert fake.bot().queue.confirmed_offset <= said.update_id
    gate.intake.away_for = set()
    await until(lambda: "hello" in gate.intake.texts)
    await until(lambda: fake.bot().queue.confirmed_offset == said.update_id + 2)
    assert gate.intake.tries["me too"] == 1


@pytest.mark.parametrize("raw", [{"message": {"text": 5}}, {"message": None}, {}])
async def test_a_malformed_update_is_quarantined(fake: FakeBotApi, gate: Gate, raw: Json) -> None:
    """Row 22: it is stored with its reason, and the next message gets through."""
    update_id = fake.injects(raw)
    fake.says(ADA, "hello")
    await until(lambda: gate.intake.texts == ["hello"])
    assert list(await gate.kept()) == [f"update:{update_id}"]


@pytest.mark.parametrize("raw", [None, "text", [], {"message": {}}, {"update_id": "7"}, {"update_id": -1}])
async def test_even_an_update_without_an_id_blocks_nobody(fake: FakeBotApi, gate: Gate, raw: Json) -> None:
    """Row 22: the next one with an id confirms it."""
    fake.says(ADA, "before")
    await until(lambda: gate.intake.texts == ["before"])
    fake.injects(raw, verbatim=True)
    after = fake.says(ADA, "after")
    await until(lambda: gate.intake.texts == ["before", "after"])
    await until(lambda: fake.confirmed_offset == after.update_id + 1)
    assert len(await gate.kept()) == 1


async def test_an_update_without_an_id_confirms_nothing_and_is_fetched_slowly(fake: FakeBotApi, gate: Gate) -> None:
    """Any number could belong to a message that has not been seen yet."""
    fake.says(ADA, "before")
    await until(lambda: gate.intake.texts == ["before"])
    poison = fake.injects("no id", verbatim=True)
    begun = len(fake.calls("getUpdates"))
    await until(lambda: len(fake.calls("getUpdates")) >= begun + 3)
    assert fake.confirmed_offset <= poison
    repeats = fake.calls("getUpdates")[begun:]
    assert all(later - earlier > 0.4 for earlier, later in pairwise(repeats))


async def test_an_unexpected_error_with_one_message_blocks_nobody(fake: FakeBotApi, gate: Gate) -> None:
    """Row 22: after a few tries the message is quarantined, and its sender gets a notice."""
    gate.intake.answers["bad"] = RuntimeError("no idea")
    fake.says(ADA, "bad")
    fake.says(ADA, "good")
    await until(lambda: gate.intake.texts == ["good"], within=20)
    assert gate.intake.tries["bad"] == 3
    assert list((await gate.kept()).values()) == ["RuntimeError: no idea"]
    assert "kept" in (await fake.hears(ADA))[0].text


async def test_a_redelivered_message_keeps_its_key(fake: FakeBotApi, gate: Gate) -> None:
    """The key identifies it as a duplicate."""
    said = fake.says(ADA, "hello")
    await until(lambda: gate.intake.tries["hello"] == 1)
    fake.redelivers(said.update_id)
    await until(lambda: gate.intake.tries["hello"] == 2)
    assert len({message.key for message in gate.intake.taken}) == 1


async def test_update_ids_may_restart(fake: FakeBotApi, gate: Gate) -> None:
    """Row 21: after an idle week they do, perhaps lower than before."""
    fake.says(ADA, "before")
    await until(lambda: fake.bot().queue.pending == () and gate.intake.texts == ["before"])
    fake.restarts_ids(17)
    fake.says(ADA, "after")
    await until(lambda: gate.intake.texts == ["before", "after"])
    await until(lambda: fake.bot().queue.confirmed_offset == 18)


async def test_edits_are_not_answered(fake: FakeBotApi, gate: Gate) -> None:
    """They are only confirmed."""
    said = fake.says(ADA, "helo")
    edited = fake.edits(ADA, said.message_id, "hello")
    await until(lambda: fake.bot().queue.confirmed_offset == edited.update_id + 1)
    assert gate.intake.texts == ["helo"]


@pytest.mark.parametrize(
    "fault",
    [Fault("409"), Fault("5xx"), Fault("429"), Fault("garbage"), Fault("lost")],
    ids=lambda fault: fault.kind,
)
async def test_polling_recovers_from_errors(fake: FakeBotApi, gate: Gate, fault: Fault) -> None:
    """Rows 23 to 26: the log says it once, and updates arrive again afterwards."""
    fake.says(ADA, "before")
    await until(lambda: gate.intake.texts == ["before"])
    fake.fails(fault.__class__(fault.kind, method="getUpdates", times=2))
    fake.says(ADA, "during")
    await until(lambda: gate.intake.texts == ["before", "during"])
    fake.says(ADA, "after")
    await until(lambda: gate.intake.texts == ["before", "during", "after"])


async def test_a_network_outage_at_start_is_waited_for(opens: Opens, fake: FakeBotApi) -> None:
    """The channel begins once Telegram can be reached."""
    await fake.stop()
    async with opens() as gate:
        await until(lambda: "unexpected response" in gate.channel.status.detail)
        await fake.start()
        fake.says(ADA, "hello")
        await until(lambda: gate.intake.texts == ["hello"])
        assert gate.channel.status.state == "ready"


async def test_a_refused_token_stops_the_channel_only(opens: Opens, fake: FakeBotApi) -> None:
    """The settings are wrong: the status says what to do."""
    async with opens(token="777:AAF-another") as gate:
        await asyncio.wait_for(gate.running, timeout=5)
        assert gate.channel.status.state == "failed"
        assert "@BotFather" in gate.channel.status.detail


async def test_one_replica_polls_and_another_takes_over(opens: Opens, fake: FakeBotApi) -> None:
    """Row 23: the one with the lease; when it stops, the other takes over within seconds."""
    async with opens() as first:
        await until(lambda: first.channel.status.state == "ready")
        async with opens() as second:
            await until(lambda: second.channel.status.state == "standby")
            said = fake.says(ADA, "one")
            # A replica that stops before confirming this gets it again, like the one that takes over.
            await until(lambda: fake.bot().queue.confirmed_offset == said.update_id + 1)
            first.running.cancel()
            await asyncio.wait([first.running])
            fake.says(ADA, "two")
            await until(lambda: second.intake.texts == ["two"])
            assert first.intake.texts == ["one"]


async def test_a_replica_that_lost_the_lease_stops_polling(opens: Opens, fake: FakeBotApi) -> None:
    """Row 23: it was busy for too long; the new poller confirms what it settled late."""
    async with opens() as first:
        await until(lambda: first.channel.status.state == "ready")
        first.intake.held_up["hello"] = asyncio.Event()
        said = fake.says(ADA, "hello")
        await until(lambda: first.intake.tries["hello"])
        async with opens() as second:
            await first.dies()
            await until(lambda: fake.bot().queue.confirmed_offset == said.update_id + 1)
            calls = len(fake.calls("getUpdates"))
            first.intake.held_up["hello"].set()
            await until(lambda: first.channel.status.state == "standby")
            assert len(fake.calls("getUpdates")) == calls
            assert second.intake.texts == ["hello"]


async def test_a_migration_is_stored_before_it_is_confirmed(fake: FakeBotApi, gate: Gate, database_url: str) -> None:
    """Row 27: while the database does not accept it, it comes again."""
    await execute(database_url, "ALTER TABLE schedules RENAME TO away")
    fake.migrates(-77, TEAM, from_id=ADA)
    await until(lambda: "interrupted" in gate.channel.status.detail)
    assert len(fake.bot().queue.pending) == 2
    await execute(database_url, "ALTER TABLE away RENAME TO schedules")
    await until(lambda: not fake.bot().queue.pending)


async def test_a_migration_that_always_fails_blocks_nobody(fake: FakeBotApi, gate: Gate, database_url: str) -> None:
    """Row 22: it is tried a few times and quarantined, like any other failing update."""
    await execute(database_url, "REVOKE UPDATE ON schedules FROM turngate_system")
    fake.migrates(-77, TEAM, from_id=ADA)
    fake.says(TEAM, "hello", from_id=ADA)
    await until(lambda: gate.intake.texts == ["hello"], within=60)
    assert len(await gate.kept()) == 2


async def test_stopping_ends_a_waiting_call_at_once(fake: FakeBotApi, gate: Gate) -> None:
    """Unsettled updates are not confirmed by it."""
    gate.intake.held_up["hello"] = asyncio.Event()
    said = fake.says(ADA, "hello")
    await until(lambda: gate.intake.tries["hello"])
    gate.running.cancel()
    await asyncio.wait([gate.running], timeout=2)
    assert gate.running.cancelled()
    assert [update.update_id for update in fake.bot().queue.pending] == [said.update_id]


async def test_starting_clears_a_webhook_and_publishes_the_commands(fake: FakeBotApi, gate: Gate) -> None:
    """So that polling works, and people see the commands."""
    await until(lambda: gate.channel.status.state == "ready")
    assert fake.calls("deleteWebhook")
    names = {command["command"] for command in fake.bot().commands if isinstance(command, dict)}
    assert names == set(HELP)


NOT_FOUND = '{"ok": false, "error_code": 404, "description": "Not Found"}'


@pytest.mark.parametrize("method", ["setMyCommands", "deleteWebhook"])
@pytest.mark.parametrize(("status", "body"), [(404, NOT_FOUND), (500, "<html>"), (404, "404: Not Found")])
async def test_a_server_without_an_optional_method_is_polled(
    opens: Opens, fake: FakeBotApi, method: str, status: int, body: str
) -> None:
    """A-4: only that feature is missing."""
    fake.fails(Fault("raw", method, times=0, status=status, body=body))
    async with opens() as gate:
        fake.says(ADA, "hello")
        await until(lambda: gate.intake.texts == ["hello"])
        assert gate.channel.status.state == "ready"


async def test_removing_a_webhook_is_retried(opens: Opens, fake: FakeBotApi) -> None:
    """Polling is refused while it is set, and begins once it is gone."""
    fake.bot().webhook = Webhook("http://127.0.0.1:9/elsewhere")
    fake.fails(Fault("5xx", "deleteWebhook", times=2))
    async with opens() as gate:
        fake.says(ADA, "hello")
        await until(lambda: gate.intake.texts == ["hello"], within=20)
        assert len(fake.calls("deleteWebhook")) == 3


async def test_an_unsupported_typing_method_is_not_called_again(fake: FakeBotApi, gate: Gate) -> None:
    """A-4: it is logged once, and replies are sent."""
    fake.bot().chat(ADA)
    fake.fails(Fault("raw", "sendChatAction", times=0, status=404, body=NOT_FOUND))
    for _ in range(3):
        await gate.channel.typing(ADDRESS)
    assert len(fake.calls("sendChatAction")) == 1


@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
async def test_a_server_without_an_essential_method_is_reported(opens: Opens, fake: FakeBotApi, method: str) -> None:
    """The token is not to blame, and the status says so."""
    fake.fails(Fault("raw", method, times=0, status=404, body=NOT_FOUND))
    async with opens() as gate:
        await asyncio.wait_for(gate.running, timeout=5)
        assert gate.channel.status.state == "failed"
        assert "getUpdates" in gate.channel.status.detail


async def test_strangers_learn_once_how_to_link(opens: Opens, fake: FakeBotApi) -> None:
    """AC-11: with the default access their messages are not stored; /start repeats the explanation."""
    async with opens(access="linked", allow=[f"{BOB}=bob"]) as gate:
        for text in ["hello", "hello?", "/start"]:
            fake.says(ADA, text)
        fake.says(BOB, "hi")
        heard = await fake.hears(ADA, count=2)
        await until(lambda: gate.intake.texts == ["hi"])
        assert gate.intake.taken[0].user_id == "bob"
        assert all("link" in message.text for message in heard)
        assert len(fake.sent(ADA)) == 2


async def test_start_greets_known_people(fake: FakeBotApi, gate: Gate) -> None:
    """Telegram's first button is no message to the agent."""
    fake.says(ADA, "/start abc")
    assert "connected" in (await fake.hears(ADA))[0].text
    assert not gate.intake.taken


async def test_a_chat_command_is_answered_by_a_notice(fake: FakeBotApi, gate: Gate) -> None:
    """In the topic it came from, as plain text."""
    gate.intake.answers["/status"] = Notice("Session **a**: quiet")
    fake.says(TEAM, "/status@test_777_bot", from_id=ADA, thread_id=9)
    [notice] = await fake.hears(TEAM)
    assert (notice.text, notice.thread_id, notice.entities) == ("Session **a**: quiet", 9, [])


async def test_refusals_of_the_core_reach_the_sender(fake: FakeBotApi, gate: Gate) -> None:
    """In the core's own words."""
    gate.intake.answers["odd"] = InvalidInput("a text may not be odd")
    fake.says(ADA, "odd")
    assert "a text may not be odd" in (await fake.hears(ADA))[0].text
    assert not await gate.kept()


async def test_a_photo_with_a_caption_becomes_its_caption(fake: FakeBotApi, gate: Gate) -> None:
    """And one without a caption is described."""
    fake.does(UserMessage(ADA, media="photo", caption="look"))
    fake.does(UserMessage(ADA, media="voice"))
    await until(lambda: gate.intake.texts == ["look", "[voice]"])


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """The gateway's log at the most verbose level."""
    written, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level
    with redirect_stderr(written):
        configure_logging("json", "debug")
    yield written
    root.handlers, root.level = before
    structlog.reset_defaults()


async def test_neither_tokens_nor_texts_reach_a_log(opens: Opens, fake: FakeBotApi, logs: io.StringIO) -> None:
    """Not even when everything fails."""
    await fake.stop()
    async with opens() as gate:
        await until(lambda: "unexpected response" in gate.channel.status.detail)
        await fake.start()
        await until(lambda: gate.channel.status.state == "ready")
        fake.fails(Fault("5xx", times=2))
        fake.says(ADA, "hello")
        await until(lambda: "telegram_polling_interrupted" in logs.getvalue())
    assert "very-secret" not in logs.getvalue()
    assert '"hello"' not in logs.getvalue()


async def checked(settings: dict[str, str], *, polled: bool = True) -> Sequence[CheckedCall]:
    """Doctor's findings, whether or not a gateway polls."""

    async def is_polled(account: str) -> bool:
        return polled and account == "telegram:777"

    return await check_bot(Telegram.model_validate(settings), is_polled)


async def test_doctor_names_the_bot(fake: FakeBotApi) -> None:
    """Or what to do about it."""
    settings = {"token": TOKEN, "api_url": fake.url}
    me, *_ = await checked(settings)
    assert (me.method, me.detail) == ("getMe", "@test_777_bot (777)")
    with pytest.raises(GatewayError, match="@BotFather"):
        await checked(settings | {"token": "777:AAF-another"})
    await fake.stop()
    with pytest.raises(GatewayError, match="TURNGATE_TELEGRAM__API_URL"):
        await checked(settings)


async def test_doctor_separates_essential_from_optional_methods(fake: FakeBotApi) -> None:
    """A-4: each is tried as far as possible without changing anything."""
    fake.fails(Fault("raw", "sendMessage", times=0, status=404, body=NOT_FOUND))
    fake.fails(Fault("raw", "setMyCommands", times=0, status=500))
    looked = await checked({"token": TOKEN, "api_url": fake.url})
    assert [(one.method, one.essential, one.works) for one in looked] == [
        ("getMe", True, True),
        ("sendMessage", True, False),
        ("getUpdates", True, True),
        ("deleteWebhook", False, True),
        ("setMyCommands", False, False),
        ("sendChatAction", False, True),
    ]
    assert (fake.calls("getUpdates"), fake.bot().commands, fake.bot().actions) == ([], [], [])


async def test_doctor_tries_get_updates_where_nobody_polls(fake: FakeBotApi) -> None:
    """A-4: waiting updates stay."""
    said = fake.says(ADA, "hello")
    settings = {"token": TOKEN, "api_url": fake.url}
    works = {one.method: one.works for one in await checked(settings, polled=False)}
    assert (works["getUpdates"], [update.update_id for update in fake.bot().queue.pending]) == (True, [said.update_id])
    fake.fails(Fault("raw", "getUpdates", times=0, status=404, body=NOT_FOUND))
    works = {one.method: one.works for one in await checked(settings, polled=False)}
    assert not works["getUpdates"]


async def test_doctor_knows_a_bot_that_a_gateway_polls(fake: FakeBotApi, gate: Gate) -> None:
    """By its lease, for as long as its replica lives."""
    await until(lambda: gate.channel.status.state == "ready")
    assert await is_polled(gate.database, "telegram:777")
    assert not await is_polled(gate.database, "telegram:778")
    await gate.dies()
    assert not await is_polled(gate.database, "telegram:777")


async def test_doctor_leaves_a_webhook_in_place(fake: FakeBotApi) -> None:
    """And says what the gateway will do about it."""
    fake.bot().webhook = Webhook("https://example.com/elsewhere")
    settings = {"token": TOKEN, "api_url": fake.url}
    details = {one.method: one.detail for one in await checked(settings)}
    assert "https://example.com/elsewhere" in details["deleteWebhook"]
    secret = {"mode": "webhook", "webhook_secret": "s" * 32}
    details = {one.method: one.detail for one in await checked(settings | secret)}
    assert "https://example.com/elsewhere" in details["setWebhook"]
    assert fake.bot().webhook.url == "https://example.com/elsewhere"
