"""Users are kept apart behind a connection pooler as they are on direct connections: the same tests, through PgBouncer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.running.serve import Running
from gateway.config import Settings
from gateway.core.model import UserId
from storage.database import Database, open_pools
from storage.identity import APP_ROLE, SYSTEM_ROLE, Logins
from tests.acceptance.frame_requests import keeps_refused_watches_silent
from tests.acceptance.route_requests import hides_what_others_own
from tests.acceptance.user_data import OPEN
from tests.faults.http_clients import caller
from tests.pooler.pgbouncer import Pooler, pgbouncer
from tests.world import World

SIZES = {"session": 30, "transaction": 3}
"""Server processes per role; in transaction mode fewer than the gateway's connections, so that these share them."""
USERS = [f"user{number}" for number in range(12)]


class PooledWorld(World):
    """Gateways sign in as the roles themselves, through the pooler; everybody else connects directly."""

    def __init__(self, database_url: str, folder: Path, stack: AsyncExitStack, pooler: Pooler) -> None:
        super().__init__(database_url, folder, stack)
        self.logins = Logins(pooler.url(APP_ROLE), pooler.url(SYSTEM_ROLE), own=True)

    def settings(self, **given: Any) -> Settings:
        """As elsewhere, and with the pooler's URLs."""
        return super().settings(database={"app_url": self.logins.app, "system_url": self.logins.system}, **given)


@pytest_asyncio.fixture(params=SIZES)
async def world(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[PooledWorld]:
    """A world behind a pooler, in each of its modes."""
    mode = request.param
    async with AsyncExitStack() as stack:
        pooler = await stack.enter_async_context(pgbouncer(tmp_path / "pooler", database_url, mode, size=SIZES[mode]))
        yield PooledWorld(database_url, tmp_path, stack, pooler)


@pytest.fixture
async def gateway(world: PooledWorld) -> Running:
    """A gateway without limits, behind the pooler."""
    return await world.gateway(**OPEN)


@pytest.mark.parametrize("role", ["user", "visitor"])
async def test_others_objects_look_missing(role: str, world: PooledWorld, gateway: Running) -> None:
    """P-5: every route that takes an id, the same bytes for ann's and for nobody's, and ann has what she had."""
    await hides_what_others_own(role, world, gateway)


@pytest.mark.parametrize("role", ["user", "visitor"])
async def test_a_refused_watch_follows_nothing(role: str, world: PooledWorld, gateway: Running) -> None:
    """P-5: what ann says later is not heard either, nor is that she has a session."""
    await keeps_refused_watches_silent(role, world, gateway)


async def test_each_transaction_sees_one_users_rows(world: PooledWorld) -> None:
    """A dozen users share few server processes, and none sees what another's transaction left."""
    await world.rows("INSERT INTO chat_sessions (user_id, agent_name) SELECT unnest($1::text[]), 'a'", USERS)
    database = await open_pools(world.logins)
    try:
        seen = await asyncio.gather(*(owners(database, user) for user in USERS * 10))
    finally:
        await database.close()
    assert seen == [[user] for user in USERS * 10]


async def owners(database: Database, user: str) -> list[str]:
    async with database.as_user(UserId(user)) as connection:
        await connection.execute("SELECT pg_sleep(0.002)")
        return [row["user_id"] for row in await connection.fetch("SELECT user_id FROM chat_sessions")]


async def test_turns_of_many_users_are_answered(world: PooledWorld) -> None:
    """Messages of a dozen users at once, each with the reply to their own."""
    gateway = await world.gateway()
    people = [await caller(await world.person(user, gateway.url)) for user in USERS]
    replies = await asyncio.gather(
        *(who.sends_until_answered(f"count to {n}", "m1") for n, who in enumerate(people, 2))
    )
    assert [reply.split()[-1] for reply in replies] == [f"{n}." for n in range(2, 2 + len(people))]
