"""What can be heard through a connection pooler."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.checks.database import notifications
from storage.database import open_pools
from storage.identity import APP_ROLE, SYSTEM_ROLE, Logins
from storage.replicas.broadcast import PostgresBroadcast
from tests.pooler.pgbouncer import pgbouncer
from tests.world import World


@pytest.mark.parametrize(
    ("mode", "direct", "told"),
    [
        ("transaction", True, "arrive at once"),
        ("session", False, "arrive at once"),
        ("transaction", False, "polled every 0.5 s"),
    ],
)
async def test_doctor_says_whether_news_is_heard(
    mode: str, direct: bool, told: str, world: World, tmp_path: Path
) -> None:
    """On a direct connection whatever the pools do; not through a pooler in transaction mode."""
    async with pgbouncer(tmp_path / "pooler", world.database_url, mode) as pooler:
        database = await open_pools(Logins(pooler.url(APP_ROLE), pooler.url(SYSTEM_ROLE), own=True), size=1)
        try:
            url = world.database_url if direct else pooler.url()
            finding = await notifications(PostgresBroadcast(database, url, prove_s=2.0), 0.5)
        finally:
            await database.close()
    assert told in finding.detail
