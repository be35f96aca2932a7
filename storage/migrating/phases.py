"""Pre and post migrations: additions are applied at once, removals wait until nothing uses what they remove.

`0018_post_….sql` removes something that older versions use. Its line `-- after: 0017_pre_…` names the migration that came with the
code that no longer uses it; the post migration is applied only when every live replica knows that one. From then on, older replicas
may not join.
"""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

from gateway.errors import GatewayError, SettingsError
from storage.queries import load_queries

SQL = load_queries("migrations")
POST = re.compile(r"\d+_post_")
AFTER = re.compile(r"^-- after: (\w+)$", re.MULTILINE)


class OlderReplicasLive(GatewayError):
    """A post migration has to wait for these replicas; `slots` says where they run."""

    def __init__(self, slots: list[str]) -> None:
        super().__init__(f"Replicas of an older version are running: {', '.join(slots)}.")
        self.slots = slots


def is_post(name: str) -> bool:
    """Whether a migration removes something that older versions use; the gateway works without it."""
    return POST.match(name) is not None


def needed_by(path: Path) -> str:
    """Returns the migration that each replica must know before a post migration is applied: without `after`, the migration itself."""
    found = AFTER.search(path.read_text())
    return path.stem if found is None else found[1]


async def shut_out_older(connection: asyncpg.Connection, needed: str) -> None:
    """Requires every replica from now on to know the migration `needed`. Raises `OlderReplicasLive`, changing nothing, if one does not."""
    async with connection.transaction():
        # No replica joins in the meantime.
        await connection.execute(SQL["hold_replicas"])
        if older := await connection.fetch(SQL["older_replicas"], needed):
            raise OlderReplicasLive([row["slot"] for row in older])
        await connection.execute(SQL["forget_older"], needed)
        await connection.execute(SQL["require"], needed)


async def check_version(connection: asyncpg.Connection, newest: str) -> None:
    """Raises `SettingsError` if the database no longer supports a version whose newest migration is this."""
    if not await connection.fetchval("SELECT to_regclass('public.required_migrations') IS NOT NULL"):
        return
    missing = await connection.fetchval(SQL["missing"], newest)
    if missing is not None:
        raise SettingsError(
            f"The database has been upgraded and needs a newer version of Turngate, one with {missing}. Install it, or restore the"
            " backup from before the upgrade."
        )
