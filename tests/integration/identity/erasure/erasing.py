"""Erasing the user `mia`."""

from __future__ import annotations

from gateway.app.serve import Running
from tests.integration.identity.user_data import rows_of
from tests.world import World

ERASE = "/api/me?confirm=mia"


async def is_gone(world: World) -> bool:
    """Whether no row of hers is left."""
    return not any((await rows_of(world, "mia")).values())


async def housekeeps(gateway: Running) -> None:
    """What the gateway does when a look finds that somebody's erasure is to be gone on with."""
    [chore] = [duty for duty in gateway.gateway.duties.others if duty.name == "erasures"]
    await chore.do()
