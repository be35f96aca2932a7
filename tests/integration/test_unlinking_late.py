"""Messages that were on their way while their account was unlinked: the account hears nothing of what comes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from gateway.app.serve import Running
from gateway.core.model import TELEGRAM, UserId
from gateway.core.ports.links import Person as Account
from tests.fakes.bot_api import FakeBotApi
from tests.integration.telegram_driver import ADA
from tests.integration.test_links import a_code, told
from tests.integration.test_unlinking import SESSIONS, all_done, ann, fake, gateway, unlinks
from tests.integration.test_visitors_late import waiting
from tests.world import Person, World, eventually

__all__ = ["ann", "fake", "gateway"]

ANSWERED = "SELECT 1 FROM turns WHERE status = 'completed'"
PLACES = """
    SELECT route FROM routes WHERE user_id = 'ann'
    UNION ALL SELECT route FROM chat_sessions WHERE user_id = 'ann' AND route LIKE 'telegram:%'
"""
ENDED = "SELECT user_id, external_id FROM ended_links"


async def says(world: World, gateway: Running, fake: FakeBotApi, text: str) -> None:
    """Ada writes, and is answered."""
    before = len(await world.rows(ANSWERED))
    fake.says(ADA, text)

    async def answered() -> bool:
        return len(await world.rows(ANSWERED)) > before

    await eventually(answered)
    await all_done(world, gateway)


async def has_left(world: World) -> None:
    """No conversation of the user's has a place on Telegram, within seconds."""

    async def none() -> bool:
        return not await world.rows(PLACES)

    await eventually(none, within=12)


async def test_a_message_that_waited_for_the_route(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """Its transaction stood behind the one that unlinked: the user it was for goes on elsewhere, unheard by the account."""
    await says(world, gateway, fake, "hello")
    outsider = await asyncpg.connect(world.database_url)
    held = outsider.transaction()
    await held.start()
    await outsider.execute("SELECT FROM routes WHERE user_id = 'ann' FOR UPDATE")
    unlinking = asyncio.create_task(unlinks(ann))
    await waiting(world, 1)
    fake.says(ADA, "late")
    await waiting(world, 2)
    await held.rollback()
    await outsider.close()
    await unlinking

    async def both() -> bool:
        return len(await world.rows(ANSWERED)) == 2

    await eventually(both)
    await all_done(world, gateway)
    await has_left(world)
    before = len(fake.sent(ADA))
    at_the_bot = replace(ann, url=gateway.url)
    for session in (await at_the_bot.gets(SESSIONS))["sessions"]:
        await at_the_bot.posts(f"{SESSIONS}/{session['session_id']}/messages", 200, text="a secret")
    await all_done(world, gateway)
    assert len(await world.rows(ANSWERED)) == 4
    assert fake.sent(ADA)[before:] == []


async def test_a_message_to_a_replica_that_died_of_it(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """It still remembered the link, took the message in, and was killed; whoever is left, or comes next, ends it."""
    await says(world, gateway, fake, "hello")
    await unlinks(ann)
    await world.rows(
        "WITH late AS ("
        " INSERT INTO chat_sessions (user_id, channel, agent_name, route)"
        " VALUES ('ann', 'telegram', 'assistant', $1) RETURNING *"
        ") INSERT INTO routes (user_id, route, chat_id) SELECT user_id, route, chat_id FROM late",
        f"telegram:777:{ADA}:0",
    )
    await has_left(world)


async def test_who_is_linked_again_goes_on_hearing(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """To the same user, seconds later."""
    await unlinks(ann)
    assert await world.rows(ENDED) == [{"user_id": "ann", "external_id": str(ADA)}]
    await told(fake, ADA, f"/link {(await a_code(replace(ann, url=gateway.url)))['code']}")
    assert await world.rows(ENDED) == []
    await says(world, gateway, fake, "hello")
    places = await world.rows(PLACES)
    await gateway.gateway.stores.links.leave_again(())
    assert len(places) == 2
    assert await world.rows(PLACES) == places


async def test_who_was_mapped_meanwhile_goes_on_hearing(
    world: World, fake: FakeBotApi, gateway: Running, ann: Person
) -> None:
    """`telegram.allow` goes before any link, and so before the end of one."""
    await says(world, gateway, fake, "hello")
    places = await world.rows(PLACES)
    await world.rows(
        "INSERT INTO ended_links (user_id, channel, external_id) SELECT user_id, channel, external_id FROM links"
    )
    await gateway.gateway.stores.links.leave_again([(UserId("ann"), Account(TELEGRAM, str(ADA)))])
    assert await world.rows(PLACES) == places


@pytest.mark.parametrize(("minutes", "kept"), [(4, 1), (6, 0)])
async def test_that_there_was_a_link_is_forgotten_after_minutes(
    minutes: int, kept: int, world: World, gateway: Running, ann: Person
) -> None:
    """No message is on its way for so long."""
    await unlinks(ann)
    await world.rows("UPDATE ended_links SET ended_at = ended_at - make_interval(mins => $1)", minutes)
    await gateway.gateway.stores.links.leave_again(())
    assert len(await world.rows(ENDED)) == kept
