"""A transaction that stays open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
import structlog
from prometheus_client import REGISTRY

from gateway.cli.checks.database import transactions
from scheduler.housekeeping import Chore, Housekeeping
from storage.database import Database, open_database
from storage.replicas.long_transactions import LIMIT, LongTransactions, Observation, Standstill, observe
from tests.faults.http_clients import all_is_answered, caller
from tests.world import World, eventually

pytestmark = pytest.mark.faults


@asynccontextmanager
async def left_open(url: str) -> AsyncIterator[None]:
    """A transaction that has changed something and is left open."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "forgotten"})
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    await connection.execute("SELECT pg_current_xact_id()")
    yield
    await transaction.rollback()
    await connection.close()


@asynccontextmanager
async def watched(database: Database) -> AsyncIterator[None]:
    """Watches transactions, and warns soon."""
    watcher = LongTransactions(database, timedelta(seconds=0.3))
    chore = Chore("long_transactions", timedelta(seconds=0.05), watcher.check)
    watching = asyncio.create_task(Housekeeping((chore,), first_after=timedelta(0)).run())
    yield
    watching.cancel()
    await asyncio.wait({watching})


@asynccontextmanager
async def pools(url: str) -> AsyncIterator[Database]:
    """The gateway's pools on that URL."""
    database = await open_database(url)
    yield database
    await database.close()


async def test_order_holds_under_a_long_transaction_and_it_is_reported(world: World) -> None:
    """Row 18: messages are answered in order, and a log line with the remedy, a gauge and `turngate doctor` report it."""
    gateway = await world.gateway()
    ann = await caller(await world.person("ann", gateway.url))
    database = gateway.gateway.stores.database
    with structlog.testing.capture_logs() as logged:
        async with left_open(world.database_url), watched(database):
            replies = [await ann.sends_until_answered(f"count to {number}", f"m{number}") for number in range(2, 8)]

            async def told() -> list[str]:
                return [event["holder"] for event in logged if event["event"] == "oldest_transaction"]

            assert "forgotten" in (await eventually(told))[0]
            assert (REGISTRY.get_sample_value("turngate_oldest_transaction_seconds") or 0.0) > 0.2
            seen = await observe(database)
    assert [reply.split()[-1] for reply in replies] == [f"{number}." for number in range(2, 8)]
    assert await all_is_answered(world)
    finding = transactions(Observation(seen.oldest, LIMIT, seen.holder))
    assert not finding.ok
    assert "forgotten" in finding.detail
    assert "pg_terminate_backend" in finding.remedy


async def test_a_role_that_cannot_see_the_transaction_still_notices_it(world: World) -> None:
    """Row 18: every role can see that the oldest transaction id stands still."""
    name = f"plain_{time.monotonic_ns()}"
    await world.rows(f"CREATE ROLE {name} LOGIN NOINHERIT IN ROLE turngate_app, turngate_system")
    try:
        async with pools(world.database_url.replace("//turngate@", f"//{name}@")) as database:
            with structlog.testing.capture_logs() as logged:
                async with left_open(world.database_url), watched(database):
                    await world.rows("SELECT pg_current_xact_id()")

                    async def told() -> list[str]:
                        return [event["holder"] for event in logged if event["event"] == "oldest_transaction"]

                    assert "is not allowed to see" in (await eventually(told))[0]
    finally:
        await world.rows(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("ids", "seconds"),
    [
        ([None, None, None], 0),
        ([None, 7, 7, 7], 2),
        ([7, 8, 9], 0),
        ([7, 7, None, 7], 0),
        ([7, 7, 9, 9, 9], 2),
    ],
)
def test_only_an_unchanged_oldest_id_counts(ids: list[int | None], seconds: float) -> None:
    """With checks a second apart, transactions that come and go do not count as one long transaction."""
    standstill = Standstill(None, 0.0)
    for now, oldest in enumerate(ids):
        standstill = standstill.after(Observation(oldest, timedelta(0), ""), float(now))
    assert standstill.lasted(float(len(ids) - 1)) == timedelta(seconds=seconds)
