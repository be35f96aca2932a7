"""Statements that wait for a lock."""

from __future__ import annotations

from tests.world import World, eventually

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def waiting(world: World, many: int) -> None:
    """So many wait for a lock."""

    async def wait() -> bool:
        return len(await world.rows(WAITING)) == many

    await eventually(wait)
