"""Checks that the migrations applied to a database are those of this version, by name and content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import asyncpg

import storage
from gateway.errors import SettingsError

MIGRATIONS = Path(storage.__file__).resolve().parent.parent / "migrations"
IS_RECORDED = """
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public._pogo_migration') AND attname = 'schema_name')
"""
APPLIED = "SELECT migration_id, migration_hash FROM public._pogo_migration WHERE schema_name = 'public'"


def names(folder: Path) -> list[str]:
    """Lists the migrations of `folder`, in order."""
    return sorted(path.stem for path in folder.glob("*.sql"))


@cache
def newest_migration() -> str:
    """The newest migration that this version knows."""
    return names(MIGRATIONS)[-1]


def digest(path: Path) -> str:
    """A fingerprint of a migration's name and content, ignoring comments and white space."""
    without_comments = re.sub(r"--.*", "", path.read_text())
    return hashlib.sha256(" ".join([path.stem, *without_comments.split()]).encode()).hexdigest()


async def applied_migrations(connection: asyncpg.Connection) -> dict[str, str]:
    """Returns the names of the migrations applied to a database, each with its digest."""
    # Another process may be creating the record: its table comes first, this column a moment later.
    if not await connection.fetchval(IS_RECORDED):
        return {}
    return {row["migration_id"]: row["migration_hash"] for row in await connection.fetch(APPLIED)}


def _is_anothers(name: str, recorded: str) -> bool:
    """Whether another program that uses pogo keeps its record in the same table: pogo's own digest covers the name alone."""
    return recorded == hashlib.sha256(name.encode()).hexdigest()


def check_origin(applied: Mapping[str, str], folder: Path) -> None:
    """Accepts what this version, an older or a newer one applied. Raises `SettingsError` for anything else."""
    known = {name: digest(folder / f"{name}.sql") for name in names(folder)}
    # Numbers only grow: what a newer version adds comes after everything that this one knows.
    foreign = sorted(
        name
        for name, found in applied.items()
        if name <= max(known) and found != known.get(name) and (name in known or not _is_anothers(name, found))
    )
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise SettingsError(
            f"This database was set up by a version of Turngate that was never released and cannot be upgraded: its migrations"
            f" {', '.join(foreign[:3])}{more} do not belong to this version. Nothing was changed. Start with an empty database"
            " (TURNGATE_DATABASE_URL; for the embedded one another TURNGATE_DATA_DIR), or restore a backup that is older than that version."
        )
