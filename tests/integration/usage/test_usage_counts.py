"""Counts what a turn with usage costs Postgres, against the bounds of `bench/bounds.toml`."""

from __future__ import annotations

from bench import counts
from tests.integration.turns.bounds import QUIET, STAND_STILL, check
from tests.world import World

SPENDING = {"kind": "python", "target": "tests.integration.usage.agents:spending"}
TURNS = 24


async def test_a_turn_with_usage_stays_within_its_bounds(world: World) -> None:
    """One statement, one row and one index entry more than a plain turn, in the same commits; adding up is left out."""
    await counts.count_in(world.database_url)
    gateway = await world.gateway(agents={"assistant": SPENDING}, replica=QUIET)
    mia = await world.person("mia", gateway.url)
    socket = await mia.connects()
    await socket.asks("40", "warm")
    async with counts.counter(world.database_url) as counter:
        await counter.connection.execute("SELECT pg_advisory_lock(hashtextextended('usage_log', 19))")
        await world.rows(STAND_STILL)
        begun = await counter.mark()
        for number in range(TURNS):
            await socket.asks("40", f"turn-{number}")
        check("with_usage", (await counter.between(begun, await counter.mark(), often=TURNS)).per(TURNS))
