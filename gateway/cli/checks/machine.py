"""Checks of this machine, and of how this gateway is set up on it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from gateway.cli.checks.finding import Finding

LEAST_FREE = 500 * 1024 * 1024
"""Bytes."""


def failpoints(written: Mapping[str, str]) -> Finding:
    """Reports that failpoints are set."""
    return Finding(
        "failpoints",
        ok=False,
        detail=f"this gateway is set to fail on purpose: {', '.join(f'{name} {what}' for name, what in written.items())}",
        remedy="Unset TURNGATE_FAILPOINTS, unless this is a test.",
    )


def data_dir(folder: Path) -> Finding:
    """Whether the data dir is writable, or can be created; leaves nothing behind."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
        with suppress(OSError):  # another command has just put something there
            for path in missing:
                path.rmdir()
    except OSError as error:
        return Finding(
            "data dir", ok=False, detail=f"{folder}: {error.strerror}", remedy="Set TURNGATE_DATA_DIR or --data-dir."
        )
    return Finding("data dir", ok=True, detail=str(folder))


def disk(folder: Path) -> Finding:
    """Whether there is room for the database to grow."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(there).free
    detail = f"{free / 1024**3:.1f} GiB free"
    return Finding(
        "disk", ok=free >= LEAST_FREE, detail=detail, remedy="Free some space, or move the data dir elsewhere."
    )
