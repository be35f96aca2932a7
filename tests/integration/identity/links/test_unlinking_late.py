"""Messages that were on their way while their account was unlinked: the account receives no answer to them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from channels.telegram.name import TELEGRAM
from gateway.app.running.serve import Running
from gateway.core.model import UserId
from gateway.core.ports.sessions.editing import ForkPoint
from gateway.errors import SenderChanged
from tests.fakes.bot_api import FakeBotApi
from tests.integration.identity.links.unlinking import SESSIONS, all_done, unlinks
from tests.integration.lock_waits import waiting
from tests.integration.telegram.driver import ADA, TEAM
from tests.integration.telegram.linking import a_code, settings, told
from tests.world import Person, World, eventually

ANSWERED = "SELECT 1 FROM turns WHERE status = 'completed'"
PLACES = """
    SELECT route FROM routes WHERE user_id = 'ann'
    UNION ALL SELECT route FROM chat_sessions WHERE user_id = 'ann' AND route LIKE 'telegram:%'
"""
TOLD = "SELECT state FROM outbox WHERE turn_id = (SELECT turn_id FROM turns ORDER BY created_at DESC LIMIT 1)"
MESSAGES = "SELECT user_id, content FROM chat_messages ORDER BY created_at"
WITH_ACCOUNTS = "SELECT DISTINCT table_name AS name FROM information_schema.columns WHERE column_name = 'external_id'"


async def says(world: World, gateway: Running, fake: FakeBotApi, text: str) -> None:
    """Ada writes and receives the answer."""
    before = len(await world.rows(ANSWERED))
    fake.says(ADA, text)

    async def answered() -> bool:
        return len(await world.rows(ANSWERED)) > before

    await eventually(answered)
    await all_done(world, gateway)
    await fake.hears(ADA, within=20)


async def has_left(world: World) -> None:
    """Waits until no conversation of the user has an address on Telegram."""

    async def none() -> bool:
        return not await world.rows(PLACES)

    await eventually(none, within=12)


async def test_a_message_that_waited_for_the_unlinking_is_not_stored_for_the_user(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """It arrived while its account was being unlinked. The user's later conversations elsewhere don't reach the account either."""
    await says(world, gateway, fake, "hello")
    outsider = await asyncpg.connect(world.database_url)
    held = outsider.transaction()
    await held.start()
    await outsider.execute("SELECT FROM routes WHERE user_id = 'ann' FOR UPDATE")
    unlinking = asyncio.create_task(unlinks(ann))
    await waiting(world, 1)
    fake.says(ADA, "late")
    await waiting(world, 2)
    before = len(fake.sent(ADA))
    await held.rollback()
    await outsider.close()
    await unlinking
    assert "not linked yet" in (await fake.hears(ADA, within=20))[0].text
    await has_left(world)
    at_the_bot = replace(ann, url=gateway.url)
    [session] = (await at_the_bot.gets(SESSIONS))["sessions"]
    await at_the_bot.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="a secret")
    await all_done(world, gateway)
    assert len(await world.rows(ANSWERED)) == 2
    assert [sent.text for sent in fake.sent(ADA)[before:] if "not linked yet" not in sent.text] == []


async def test_unlinking_waits_for_a_message_that_is_being_accepted(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """The message came first: it belongs to the user, but its answer no longer goes to the account."""
    await says(world, gateway, fake, "hello")
    outsider = await asyncpg.connect(world.database_url)
    held = outsider.transaction()
    await held.start()
    await outsider.execute("SELECT FROM routes WHERE user_id = 'ann' FOR UPDATE")
    before = len(fake.sent(ADA))
    fake.says(ADA, "wait 2 seconds")
    await waiting(world, 1)
    unlinking = asyncio.create_task(unlinks(ann))
    await waiting(world, 2)
    await held.rollback()
    await outsider.close()
    await unlinking
    await has_left(world)
    await all_done(world, gateway)
    assert len(await world.rows(ANSWERED)) == 2
    assert await world.rows(TOLD) == [{"state": "dead"}]
    assert fake.sent(ADA)[before:] == []


@pytest.mark.parametrize("chat", [ADA, TEAM])
async def test_a_message_to_a_replica_with_a_cached_link_is_not_stored_for_the_user(
    chat: int, world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """The link was ended on another replica; nothing is stored for the user, even in a group where the user still has an address."""
    assert "Hello" in await told(fake, chat, "hello", from_id=ADA)
    await all_done(world, gateway)
    await unlinks(ann)
    kept = await world.rows(MESSAGES)
    assert gateway.gateway.engine.links.guess(TELEGRAM, str(ADA)) == "ann"
    assert "not linked yet" in await told(fake, chat, "late", from_id=ADA)
    assert await world.rows(MESSAGES) == kept


@pytest.mark.parametrize("command", ["/sessions", "/resume 1", "/agent assistant"])
async def test_a_command_to_a_replica_with_a_cached_link_does_not_act_for_the_user(
    command: str, world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """It reaches no address and no conversation of the user."""
    await says(world, gateway, fake, "hello")
    links = gateway.gateway.engine.links
    assert await links.user_of(TELEGRAM, str(ADA)) == "ann"
    await unlinks(ann)
    assert "not linked yet" in await told(fake, ADA, command)
    assert await world.rows(PLACES) == []
    assert len(await world.rows("SELECT FROM chat_sessions")) == 1


async def test_a_fork_requested_before_the_unlinking_is_not_made(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """The account is unlinked after the command has found the conversation."""
    await says(world, gateway, fake, "hello")
    [session] = await world.rows("SELECT session_id, route FROM chat_sessions")
    await unlinks(ann)
    point = ForkPoint(session["session_id"], None, None, TELEGRAM, session["route"], account=str(ADA))
    with pytest.raises(SenderChanged):
        await gateway.gateway.stores.edits.fork(point, UserId("ann"))
    assert await world.rows(PLACES) == []


async def test_a_web_message_does_not_restore_an_address(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """It continues a conversation of the chat, while the account is being unlinked and the chat's address belongs to a newer one."""
    await says(world, gateway, fake, "hello")
    await says(world, gateway, fake, "/new and another")
    at_the_bot = replace(ann, url=gateway.url)
    *_, first = (await at_the_bot.gets(SESSIONS))["sessions"]
    outsider = await asyncpg.connect(world.database_url)
    held = outsider.transaction()
    await held.start()
    await outsider.execute("SELECT FROM chat_sessions FOR UPDATE")
    unlinking = asyncio.create_task(unlinks(ann))
    await waiting(world, 1)
    saying = asyncio.create_task(at_the_bot.posts(f"{SESSIONS}/{first['session_id']}/messages", 200, text="a secret"))
    await waiting(world, 2)
    await held.rollback()
    await outsider.close()
    await unlinking
    await saying
    await all_done(world, gateway)
    assert await world.rows(PLACES) == []
    assert "a secret" not in str([sent.text for sent in fake.sent(ADA)])


async def test_an_account_that_is_linked_again_receives_answers(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """To the same user, seconds later."""
    await unlinks(ann)
    await told(fake, ADA, f"/link {(await a_code(replace(ann, url=gateway.url)))['code']}")
    await says(world, gateway, fake, "hello")
    assert len(await world.rows(PLACES)) == 2


async def test_an_account_linked_to_another_user_is_that_user_immediately(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """Even on a replica that has cached the previous link."""
    await says(world, gateway, fake, "hello")
    await world.rows("UPDATE links SET user_id = 'eve'")
    await says(world, gateway, fake, "hello again")
    assert await world.rows("SELECT DISTINCT user_id FROM chat_messages WHERE content = 'hello again'") == [
        {"user_id": "eve"}
    ]


async def test_an_account_mapped_in_the_meantime_receives_answers(world: World, fake: FakeBotApi) -> None:
    """`telegram.allow` takes precedence over links, and over the end of one."""
    gateway = await world.gateway(telegram=settings(fake, allow=(f"{ADA}=ann",)))
    ann = await world.person("ann", gateway.url)
    await world.rows("INSERT INTO links (user_id, channel, external_id) VALUES ('ann', 'telegram', $1)", str(ADA))
    await says(world, gateway, fake, "hello")
    await unlinks(ann)
    await says(world, gateway, fake, "still here")
    assert len(await world.rows(PLACES)) == 2


async def test_an_ended_link_leaves_no_row(world: World, gateway: Running, ann: Person) -> None:
    """No record of it is needed to refuse messages that are on their way."""
    await unlinks(ann)
    for table in await world.rows(WITH_ACCOUNTS):
        assert await world.rows(f"SELECT * FROM {table['name']}") == []
