"""Erasing the user `mia`."""

from __future__ import annotations

from gateway.app.running.serve import Running
from tests.integration.identity.user_data import rows_of
from tests.world import World, eventually

ERASE = "/api/me?confirm=mia"
WAITS_FOR_A_LOCK = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
UNFINISHED = "SELECT user_id FROM erasures WHERE finished_at IS NULL"


async def is_gone(world: World) -> bool:
    """Whether no row of hers is left."""
    return not any((await rows_of(world, "mia")).values())


async def finishes(world: World, gateway: Running) -> None:
    """Goes on with every erasure that is over a minute old, until each is finished; the gateway's own look may be at some already."""
    await housekeeps(gateway)

    async def all_finished() -> bool:
        return not await world.rows(UNFINISHED)

    await eventually(all_finished)


async def housekeeps(gateway: Running) -> None:
    """What the gateway does when a look finds that somebody's erasure is to be gone on with."""
    [chore] = [duty for duty in gateway.gateway.duties.others if duty.name == "erasures"]
    await chore.do()
