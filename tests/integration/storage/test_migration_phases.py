"""Post migrations wait for replicas of older versions, and so do all later migrations."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from gateway.cli.checks.database import migrations
from gateway.errors import StoreUnavailable
from storage.migrating.migrate import migrate, pending_migrations
from storage.migrating.origin import MIGRATIONS, newest_migration

THIS_VERSION = newest_migration()
LIVES = """
INSERT INTO replicas (replica_id, slot, newest_migration, expires_at)
VALUES (gen_random_uuid(), $1, $2, now() + $3 * interval '1 minute')
"""


def with_these(folder: Path, *names: str) -> Path:
    """The migrations of a version that adds these; post migrations depend on the first one only."""
    shutil.copytree(MIGRATIONS, folder)
    last = max(path.stem for path in folder.glob("*.sql"))
    for name in names:
        after = f"-- after: {names[0]}\n" if "post" in name else ""
        text = f"--An example.\n-- depends: {last}\n{after}\n-- migrate: apply\n\nSELECT 1;\n\n-- migrate: rollback\n"
        (folder / f"{name}.sql").write_text(text)
        last = name
    return folder


async def lives(url: str, slot: str, newest: str, minutes: int = 1) -> None:
    """A replica that lives for so long, or died so long ago."""
    connection = await asyncpg.connect(url)
    await connection.execute(LIVES, slot, newest, minutes)
    await connection.close()


async def test_a_post_migration_waits_for_the_last_older_replica(database_url: str, tmp_path: Path) -> None:
    """The log names the replica; neither a newer one that knows the migration nor a dead one is waited for."""
    folder = with_these(tmp_path / "newer", "0901_pre_a", "0902_post_b")
    await lives(database_url, "old", THIS_VERSION)
    await lives(database_url, "between", "0901_pre_a")
    await lives(database_url, "dead", THIS_VERSION, minutes=-1)
    with capture_logs() as lines:
        assert await migrate(database_url, folder) == ["0901_pre_a"]
    [line] = [line for line in lines if line["event"] == "post_migration_waits"]
    assert (line["migration"], line["older_replicas"]) == ("0902_post_b", ["old"])
    assert await pending_migrations(database_url, folder) == ["0902_post_b"]
    await lives_no_longer(database_url, "old")
    assert await migrate(database_url, folder) == ["0902_post_b"]
    assert await slots(database_url) == ["between"]


async def lives_no_longer(url: str, slot: str) -> None:
    """The replica has stopped."""
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM replicas WHERE slot = $1", slot)
    await connection.close()


async def slots(url: str) -> list[str]:
    """Of all replicas, dead ones included."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT slot FROM replicas ORDER BY slot")
    await connection.close()
    return [row["slot"] for row in rows]


async def test_a_version_that_skips_one_waits_for_older_replicas(database_url: str, tmp_path: Path) -> None:
    """A migration it needs follows a waiting post migration: it names the replicas, and continues when they stop."""
    folder = with_these(tmp_path / "newer", "0901_pre_a", "0902_post_b", "0903_pre_c")
    await lives(database_url, "old", THIS_VERSION)
    with pytest.raises(
        StoreUnavailable, match=r"0902_post_b comes before 0903_pre_c and must wait.* running: old\. Stop them"
    ):
        await migrate(database_url, folder)
    await lives_no_longer(database_url, "old")
    assert await migrate(database_url, folder) == ["0902_post_b", "0903_pre_c"]


async def test_doctor_names_waiting_migrations() -> None:
    """As something to do later, not as a fault."""
    found = migrations(["0902_post_b"], is_new=False)
    assert found.ok
    assert (
        found.detail == "0902_post_b waits until no replica of an older version is running; then run: turngate migrate"
    )
