"""Unlinking an account while turns are open."""

from __future__ import annotations

from gateway.app.running.serve import Running
from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
OPEN = "SELECT deliver_to FROM turns WHERE status IN ('queued', 'running')"


async def unlinks(ann: Person) -> None:
    """Ends the only link."""
    [link] = (await ann.gets("/api/links"))["links"]
    assert (await ann.calls("DELETE", f"/api/links/{link['id']}"))[0] == 204


async def all_done(world: World, gateway: Running) -> None:
    """Waits until every turn has ended and nothing is left to send."""

    async def done() -> bool:
        engine = gateway.gateway.engine
        return not (await world.rows(OPEN) or engine.runner.running or engine.outbox.held)

    await eventually(done)
