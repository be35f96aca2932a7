"""Pre and post migrations: what adds is applied at once, what removes waits until nobody needs it.

`0018_post_….sql` removes something that older versions use. Its line `-- after: 0017_pre_…` names the migration that came with the
code that no longer uses it, and it is applied only when every live replica knows that one. From then on no other replica may join.
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
    """A post migration has to wait for these; `slots` says where they run."""

    def __init__(self, slots: list[str]) -> None:
        super().__init__(f"Replicas of an older version are running: {', '.join(slots)}.")
        self.slots = slots


def is_post(name: str) -> bool:
    """Whether a migration removes something that older versions use; the gateway works without it."""
    return POST.match(name) is not None


def needed_by(path: Path) -> str:
    """The migration that each replica has to know before a post migration is applied: without `after`, the migration itself."""
    found = AFTER.search(path.read_text())
    return path.stem if found is None else found[1]


async def shut_out_older(connection: asyncpg.Connection, needed: str) -> None:
    """From now on every replica knows the migration `needed`. Raises `OlderReplicasLive`, and changes nothing, while one does not."""
    async with connection.transaction():
        # Nobody joins meanwhile.
        await connection.execute(SQL["hold_replicas"])
        if older := await connection.fetch(SQL["older_replicas"], needed):
            raise OlderReplicasLive([row["slot"] for row in older])
        await connection.execute(SQL["forget_older"], needed)
        await connection.execute(SQL["require"], needed)


async def check_version(connection: asyncpg.Connection, newest: str) -> None:
    """Raises `SettingsError` when the database is no longer for a version whose newest migration this is."""
    if not await connection.fetchval("SELECT to_regclass('public.required_migrations') IS NOT NULL"):
        return
    missing = await connection.fetchval(SQL["missing"], newest)
    if missing is not None:
        raise SettingsError(
            f"The database has been upgraded and needs a newer version of Turngate, one with {missing}. Install it, or restore the"
            " backup from before the upgrade."
        )
