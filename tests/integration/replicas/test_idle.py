"""What an idle gateway costs Postgres."""

from __future__ import annotations

import time

import pytest

from bench import counts
from gateway.core.settings import Replica
from tests.world import World, eventually

WINDOW_S = 12.0
SOCKETS = 20


ASKED = """
    SELECT sum(calls)::int AS calls FROM pg_stat_statements JOIN pg_database AS d ON d.oid = dbid
    WHERE datname = current_database() AND toplevel AND query NOT LIKE '%pg_stat_statements%'
        AND query NOT LIKE '%typeinfo_tree%' AND query NOT LIKE '%set_config($2, $3, $4) AS new'
"""
"""Without what asyncpg asks about types, once for each new connection."""
TIDIED = """
    SELECT FROM pg_stat_statements JOIN pg_database AS d ON d.oid = dbid
    WHERE datname = current_database()
        AND (query LIKE 'DELETE FROM identified_visitors%' OR query LIKE 'DELETE FROM outbox%' OR query LIKE 'WITH slice%'
            OR query LIKE 'DELETE FROM budget_days%' OR query LIKE 'DELETE FROM link_codes%'
            OR query LIKE '%pg_current_snapshot() AS snapshot%')
"""
"""The chores that come once in many minutes, and some seconds after the start."""


async def asked(world: World) -> int:
    """Statements sent so far by anyone but the test."""
    [row] = await world.rows(ASKED)
    return int(row["calls"])


@pytest.mark.parametrize("sockets", [0, SOCKETS], ids=["nobody", "sockets"])
async def test_at_most_one_statement_a_second(world: World, sockets: int) -> None:
    """With the default settings; one query checks all sockets that only listen."""
    await counts.count_in(world.database_url)
    gateway = await world.gateway(replica=Replica().model_dump())
    ann = await world.person("ann", gateway.url)
    for _ in range(sockets):
        session = (await ann.posts("/api/chat/sessions", 201))["session_id"]
        await ann.connects(session_id=session)
    other_replicas = gateway.gateway.engine.other_replicas
    # A chore that is not waited for would be counted at its first run.
    assert TIDIED.count("LIKE") == len(gateway.gateway.housekeeping.chores)

    async def settled() -> bool:
        tidied = len(await world.rows(TIDIED)) == TIDIED.count("LIKE")
        return other_replicas.reachable and not other_replicas.present and tidied

    await eventually(settled)
    begun, before = time.monotonic(), await asked(world)

    async def over() -> bool:
        return time.monotonic() - begun >= WINDOW_S

    await eventually(over, within=2 * WINDOW_S)
    assert 0 < await asked(world) - before <= time.monotonic() - begun
