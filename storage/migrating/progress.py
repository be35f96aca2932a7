"""Reports the progress of migrations: most are quick, but building an index over millions of messages is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog

from storage.connections import AWAY
from storage.queries import load_queries

log = structlog.get_logger(__name__)

SQL = load_queries("migrations")
EVERY_S = 10.0
QUICK_S = 0.1
ANSWER_WITHIN_S = 5.0


@asynccontextmanager
async def reported(url: str, pid: int, migration: str, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Logs the migration that the backend `pid` runs when it is applied, with its duration; until then, its progress at intervals."""
    began = time.monotonic()
    telling = asyncio.create_task(_tells(url, pid, migration, began, every_s))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
    took_s = time.monotonic() - began
    # The very first start applies dozens of quick ones.
    (log.info if took_s > QUICK_S else log.debug)("migration_applied", migration=migration, took_s=round(took_s, 1))


async def _tells(url: str, pid: int, migration: str, began: float, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        # Nothing depends on it.
        with suppress(*AWAY, asyncpg.PostgresError):
            seen = await _look(url, pid)
            log.info(
                "migrating",
                migration=migration,
                for_s=round(time.monotonic() - began),
                phase=seen["phase"],
                percent=seen["percent"],
                waits_for=seen["waits_for"],
            )


async def _look(url: str, pid: int) -> asyncpg.Record:
    # The migration's own connection is busy with it.
    connection = await asyncpg.connect(url, timeout=ANSWER_WITHIN_S)
    try:
        [row] = await connection.fetch(SQL["progress"], pid, timeout=ANSWER_WITHIN_S)
        return row
    finally:
        await connection.close(timeout=ANSWER_WITHIN_S)
