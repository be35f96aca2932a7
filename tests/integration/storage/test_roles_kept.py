"""A connection's role: checked when it begins and again with each user, with no way to a higher one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from gateway.core.model import ReplicaId, UserId
from gateway.core.ports.turns import Acceptance
from gateway.errors import DatabaseMisconfigured, StoreUnavailable
from storage.database import Database, open_database, open_pools
from storage.identity import APP_ROLE, SYSTEM_ROLE, Logins
from storage.turns.turns import PostgresTurns
from tests.integration.turns.stores import HELLO, TERMS
from tests.world import World


@pytest_asyncio.fixture
async def database(world: World) -> AsyncIterator[Database]:
    """Pools of one connection each, on one login that takes both roles."""
    opened = await open_database(world.database_url, size=1)
    yield opened
    await opened.close()


async def loses_its_role(database: Database) -> None:
    """The application's only connection works as its login, a superuser."""
    async with database.connection() as connection:
        await connection.execute("SET ROLE NONE")


async def sessions_of(database: Database, user: str) -> int:
    async with database.as_user(UserId(user)) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM chat_sessions")
        return count


async def accepted(database: Database) -> Acceptance:
    return await PostgresTurns(database, ReplicaId(uuid4()), timedelta(minutes=15)).accept(HELLO, TERMS)


async def test_a_lost_role_reads_nothing(database: Database) -> None:
    """The statement that sets the user checks the role, too."""
    await loses_its_role(database)
    with pytest.raises(DatabaseMisconfigured, match="now works as 'turngate'"):
        await sessions_of(database, "ann")


async def test_a_lost_role_takes_no_message(world: World, database: Database) -> None:
    """T1 checks the role in its own statement, without another round trip."""
    await loses_its_role(database)
    with pytest.raises(StoreUnavailable, match="lost its role"):
        await accepted(database)
    assert await world.rows("SELECT FROM chat_messages") == []


async def test_a_role_with_a_higher_membership_is_refused(world: World, database: Database) -> None:
    """An application's role that may act as the gateway's would see everybody's rows."""
    await world.rows("GRANT turngate_system TO turngate_app")
    try:
        with pytest.raises(DatabaseMisconfigured, match="REVOKE turngate_system FROM turngate_app"):
            await sessions_of(database, "ann")
    finally:
        await world.rows("REVOKE turngate_system FROM turngate_app")


async def test_a_gateway_with_a_refused_role_says_why(world: World) -> None:
    """New connections of a running gateway fail: 503, `/readyz` names the remedy, and it serves again afterwards."""
    gateway = await world.gateway()
    ann = await world.person("ann", gateway.url)
    await world.rows("GRANT turngate_system TO turngate_app")
    try:
        await gateway.gateway.stores.database.expire()
        assert (await ann.calls("GET", "/api/chat/sessions"))[0] == 503
        status, told = await ann.calls("GET", "/readyz")
        assert (status, "REVOKE turngate_system" in told["checks"][0]["detail"]) == (503, True)
    finally:
        await world.rows("REVOKE turngate_system FROM turngate_app")
    assert (await ann.calls("GET", "/readyz"))[0] == 200
    assert (await ann.gets("/api/chat/sessions"))["total"] == 0


async def test_the_embedded_roles_lead_to_no_other_account(world: World) -> None:
    """SET ROLE NONE changes nothing on connections of the embedded server's own logins."""
    app_url, system_url = [world.database_url.replace("//turngate@", f"//{role}@") for role in (APP_ROLE, SYSTEM_ROLE)]
    database = await open_pools(Logins(app_url, system_url, own=True))
    try:
        async with database.connection() as app, database.all_users() as system:
            for connection in (app, system):
                await connection.execute("SET ROLE NONE")
            roles = [await connection.fetchval("SELECT current_user::text") for connection in (app, system)]
    finally:
        await database.close()
    assert roles == [APP_ROLE, SYSTEM_ROLE]
