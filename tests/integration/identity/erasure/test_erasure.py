"""Erasing a user."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app.building.seams import Seams
from gateway.app.building.stores import Stores
from gateway.app.running.serve import Running
from storage.users.erasure import PostgresErasure
from tests.detours import Call, Detours
from tests.integration.identity.user_data import SESSIONS, rows_of, settles
from tests.shell import Shell
from tests.world import Person, World, eventually


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """A shell on the same database."""
    return Shell(tmp_path, database_url)


def in_small_steps(stores: Stores) -> Stores:
    """A transaction of the erasure takes a hundred rows."""
    return replace(stores, erasure=PostgresErasure(stores.database, at_a_time=100))


async def test_nothing_of_an_erased_user_is_left_anywhere(world: World, gateway: Running, mia: Person) -> None:
    """A catalogue test: no table that has users' rows has one of this user's, and all of another's are there."""
    tom = await world.person("tom", gateway.url)
    await settles(world, mia)
    await settles(world, tom)
    before = await rows_of(world, "tom")
    assert [table for table, many in (await rows_of(world, "mia")).items() if not many] == []
    assert (await mia.calls("DELETE", "/api/me?confirm=mia"))[0] == 204
    assert [table for table, many in (await rows_of(world, "mia")).items() if many] == []
    assert await rows_of(world, "tom") == before


async def test_the_token_ends_with_its_user(world: World, gateway: Running, mia: Person) -> None:
    """At once here, within five seconds on other replicas."""
    other = await world.gateway(data_dir="other")
    elsewhere = Person(mia.user, mia.token, other.url, mia.http)
    await elsewhere.gets("/api/me")
    assert (await mia.calls("DELETE", "/api/me?confirm=mia"))[0] == 204
    assert (await mia.calls("GET", "/api/me"))[0] == 401

    async def refused() -> bool:
        return (await elsewhere.calls("GET", "/api/me"))[0] == 401

    await eventually(refused, within=6)


@pytest.mark.parametrize("query", ["", "?confirm=", "?confirm=tom", "?confirm=yes", "?sure=mia"])
async def test_an_erasure_needs_a_confirmation(world: World, mia: Person, query: str) -> None:
    """Nothing is erased unless the request repeats the user's name."""
    await mia.posts(SESSIONS, 201)
    assert (await mia.calls("DELETE", f"/api/me{query}"))[0] == 400
    assert (await mia.gets(SESSIONS))["total"] == 1


async def test_operators_erase_anyone(world: World, gateway: Running, mia: Person) -> None:
    """Again and again, also somebody who never was; users nobody by that route."""
    await settles(world, mia)
    owner = await world.person("owner", gateway.url, "operator")
    assert (await mia.calls("DELETE", "/api/users/mia"))[0] == 403
    for user in ("mia", "mia", "nobody"):
        assert (await owner.calls("DELETE", f"/api/users/{user}"))[0] == 204
    assert not any((await rows_of(world, "mia")).values())
    assert await owner.gets("/api/me")


async def test_a_running_turn_is_cancelled_first(world: World, gateway: Running, mia: Person) -> None:
    """And what its agent still says is heard by nobody."""
    made = await mia.posts(SESSIONS, 201)
    path = f"{SESSIONS}/{made['session_id']}/messages"
    await mia.calls("POST", path, json={"text": "wait 30 seconds"}, headers={"Prefer": "wait=0"})
    assert gateway.gateway.engine.runner.running
    assert (await mia.calls("DELETE", "/api/me?confirm=mia"))[0] == 204

    async def idle() -> bool:
        return not gateway.gateway.engine.runner.running

    await eventually(idle, within=5)
    assert not any((await rows_of(world, "mia")).values())


async def test_much_goes_in_bounded_steps(world: World, detours: Detours) -> None:
    """No transaction takes more rows than that; an interrupted erasure can be begun again."""
    gateway = await world.gateway(Seams(stores=lambda stores: detours.seams.stores(in_small_steps(stores))))
    owner, mia = [await world.person(*who) for who in (("owner", gateway.url, "operator"), ("mia", gateway.url))]
    await mia.posts(SESSIONS, 201)
    await world.rows(
        "INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)"
        " SELECT chat_id, n, 'mia', 'user', 'x', 'web', n FROM chat_sessions, generate_series(1, 1050) AS n"
    )
    calls = itertools.count(1)

    async def breaks_at_the_eighth(clear_session: Call, *asked: Any) -> object:
        if next(calls) == 8:
            raise RuntimeError("interrupted")
        return await clear_session(*asked)

    detours.divert("erasure", "clear_session", breaks_at_the_eighth)
    assert (await mia.calls("DELETE", "/api/me?confirm=mia"))[0] == 500
    left = (await rows_of(world, "mia"))["chat_messages"]
    assert left in range(250, 1050, 100)
    assert (await mia.calls("DELETE", "/api/me?confirm=mia"))[0] == 401
    assert (await owner.calls("DELETE", "/api/users/mia"))[0] == 204
    assert not any((await rows_of(world, "mia")).values())


async def test_a_running_conversation_is_erased(world: World, gateway: Running, mia: Person) -> None:
    """There is no deadlock, and no session is half erased: what starts in the meantime is erased too, or refused."""
    sessions = [(await mia.posts(SESSIONS, 201))["session_id"] for _ in range(4)]

    async def talk(session: str) -> None:
        for n in range(5):
            status, _ = await mia.calls(
                "POST", f"{SESSIONS}/{session}/messages", json={"text": f"hello {n}"}, headers={"Prefer": "wait=1"}
            )
            assert status in {200, 202, 401, 404, 409}, status

    talking = [asyncio.create_task(talk(session)) for session in sessions]
    status, _ = await mia.calls("DELETE", "/api/me?confirm=mia")
    await asyncio.gather(*talking)
    assert status == 204
    assert not any((await rows_of(world, "mia")).values())


async def test_the_command_line_erases_too(world: World, mia: Person, shell: Shell) -> None:
    """Asks first, unless told not to."""
    await settles(world, mia)
    assert (await shell.runs("users", "erase", "mia")).code != 0
    assert (await rows_of(world, "mia"))["chat_sessions"] == 2
    assert (await shell.runs_anew("users", "erase", "mia", "--yes")).code == 0
    assert not any((await rows_of(world, "mia")).values())
