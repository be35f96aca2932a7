"""The transcript in monthly partitions by the session's id: which of them a page reads, and what dropping one costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import orjson

MONTHS = tuple(datetime(2026, month, 1, tzinfo=UTC) for month in (7, 8, 9, 10))
SESSIONS, MESSAGES = 100, 100
PAGE = "SELECT * FROM split_messages WHERE chat_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3"
"""As `storage/sql/sessions.sql` asks for a page."""


@dataclass(frozen=True, slots=True)
class Split:
    """`touched`: partitions that a page of one session reads. Seconds to drop a month, and to delete one's rows."""

    partitions: int
    rows_each: int
    touched: int
    drop_s: float
    delete_s: float


async def split(connection: asyncpg.Connection[asyncpg.Record], queries: Mapping[str, str]) -> Split:
    """Uses a table of the same shape beside the real one."""
    await connection.execute(queries["id_at"])
    await connection.execute(queries["split"])
    for month in MONTHS:
        await connection.execute(await connection.fetchval(queries["partition"], month))
        await connection.execute(queries["fill"], month, SESSIONS, MESSAGES)
    session = await connection.fetchval(queries["some"], MONTHS[1])
    touched = await _touched(connection, str(session))
    delete_s = await _timed(connection, "DELETE FROM split_messages_2026_08")
    drop_s = await _timed(connection, "DROP TABLE split_messages_2026_07")
    return Split(len(MONTHS), SESSIONS * MESSAGES, touched, drop_s, delete_s)


async def _touched(connection: asyncpg.Connection[asyncpg.Record], session: str) -> int:
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    statement = f"EXPLAIN (ANALYZE, FORMAT json) EXECUTE page('{session}', 1000, 50)"
    await connection.execute(f"PREPARE page (uuid, bigint, int) AS {PAGE}")
    plan = await connection.fetchval(statement)
    return orjson.dumps(orjson.loads(plan)).count(b'"Relation Name"')


async def _timed(connection: asyncpg.Connection[asyncpg.Record], statement: str) -> float:
    begun = time.monotonic()
    await connection.execute(statement)
    return time.monotonic() - begun
