"""Channels of installed packages: their names in the database, replies pushed to them, and broken packages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from channels.installed import broken_packages, installed_names
from channels.table import USER_IDS
from gateway.core.model import WEB, Address, ChannelName, Route
from gateway.errors import SettingsError
from storage.database import open_database
from storage.migrating.migrate import migrate, pending_migrations
from tests.integration.turns.stores import HELLO, TERMS, Replica, answer, claimed
from tests.packages import Site
from tests.world import Person, World, eventually

NETWORK, PLACE = ChannelName("pigeon"), "pigeon:loft:ann:0"
WORKING = """
from turngate import ChannelKind, ChannelSettings

class Settings(ChannelSettings):
    loft: str

class Pigeons:
    name = "pigeon"

KIND = ChannelKind(Settings, lambda settings, parts: Pigeons())
"""


async def test_a_channel_name_is_added_once(database_url: str) -> None:
    """`migrate` widens the CHECK, `--check` reports it first, and neither finds anything afterwards."""
    assert await pending_migrations(database_url, channels=["pigeon", "web"]) == ["channel pigeon"]
    both = await asyncio.gather(*(migrate(database_url, channels=["pigeon", "web"]) for _ in range(2)))
    assert sorted(both) == [[], ["channel pigeon"]]
    assert await pending_migrations(database_url, channels=["pigeon"]) == []
    connection = await asyncpg.connect(database_url)
    try:
        for channel in ("pigeon", "telegram", "web"):
            await connection.execute(
                "INSERT INTO chat_sessions (user_id, agent_name, channel) VALUES ('a', 'b', $1)", channel
            )
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO chat_sessions (user_id, agent_name, channel) VALUES ('a', 'b', 'crow')"
            )
        assert await connection.fetchval("SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'c'")
    finally:
        await connection.close()


@pytest.mark.parametrize("first", ["plain", "claimed"])
async def test_installed_channels_receive_replies_from_elsewhere(database_url: str, first: str) -> None:
    """Replies are pushed to every channel but the gateway's own, by both functions that take messages in."""
    await migrate(database_url, channels=[NETWORK])
    database = await open_database(database_url)
    try:
        replica = Replica(database, "one")
        await replica.life.beat()
        begun = await replica.turns.accept(replace(HELLO, channel=NETWORK, route=Route(PLACE)), TERMS)
        assert begun.session is not None
        if first == "plain":
            await replica.turns.finish(claimed(begun), answer("hi"))
        asked = replace(HELLO, channel=WEB, text="and?", key="k2", deliver_to=(), session_id=begun.session.session_id)
        accepted = await replica.turns.accept(asked, TERMS)
        if first == "claimed":
            finished = await replica.turns.finish(claimed(begun), answer("hi"))
            assert finished.next_turn is not None
            assert finished.next_turn.deliver_to == (Address(PLACE),)
        else:
            assert claimed(accepted).deliver_to == (Address(PLACE),)
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_library", "importing pigeons_channel:KIND of pigeons 1.0 failed with ModuleNotFoundError"),
        ("KIND = 7", "it should be a turngate.ChannelKind"),
        (WORKING, "Pigeons does not implement turngate.Network: it lacks status, render"),
    ],
)
async def test_a_broken_package_disables_its_channel_only(world: World, site: Site, code: str, reason: str) -> None:
    """The gateway serves; readiness and the list of broken packages say what is wrong."""
    site.install("pigeons", code)
    gateway = await world.gateway(channels={"pigeon": {"loft": "north"}})
    mia = await world.person("mia", gateway.url)
    socket = await mia.connects()
    assert (await socket.asks("hello", "k1"))["content"]
    failed = await _failed(mia)
    assert list(failed) == ["pigeon"]
    assert reason in failed["pigeon"]


def test_reserved_and_invalid_names_are_refused(site: Site) -> None:
    """A package cannot add `telegram`, nor a name that does not fit into addresses."""
    site.install("one", WORKING, "telegram")
    site.install("two", WORKING, "Has-Capitals")
    assert installed_names() == ()
    assert {broken.name: broken.reason.partition(";")[0].partition(",")[0] for broken in broken_packages()} == {
        "telegram": "this name is the gateway's own",
        "Has-Capitals": "a channel's name has 2 to 32 lower-case letters",
    }


def test_two_packages_with_one_name_are_reported(site: Site) -> None:
    """Nobody guesses which is meant."""
    site.install("one", WORKING)
    site.install("two", WORKING)
    (broken,) = broken_packages()
    assert broken.reason == "one 1.0 and two 1.0 bring a channel of this name; uninstall all but one"


async def _failed(person: Person) -> dict[str, str]:
    async def look() -> dict[str, str]:
        _, answer = await person.calls("GET", "/readyz")
        checks = answer["checks"] if isinstance(answer, dict) else []
        return {check["name"]: check["detail"] for check in checks if not check["ok"]}

    found: dict[str, str] = await eventually(look)
    return found


def test_strangers_of_other_networks_have_no_account() -> None:
    """No login may speak for them."""
    ann = USER_IDS.unlinked(NETWORK, "ann")
    assert (ann, USER_IDS.has_account(ann)) == ("visitor:pigeon:ann", False)


async def test_settings_that_a_package_does_not_know_stop_the_start(world: World, site: Site) -> None:
    """As everywhere, with the key's name; a name that nobody brings does, too."""
    site.install("pigeons", WORKING)
    with pytest.raises(SettingsError, match=r"channels\.pigeon\.speed: is not a setting; it should be one of: loft"):
        await world.gateway(channels={"pigeon": {"loft": "north", "speed": 3}})
    with pytest.raises(SettingsError, match=r"channels\.crow: no installed package brings .* There are: pigeon"):
        await world.gateway(channels={"crow": {}})
