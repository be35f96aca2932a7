"""Automatic snapshots of many sessions: a few at a time, without blocking each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from gateway.errors import StoreUnavailable
from storage.database import open_database
from storage.sessions.snapshots import BATCH, PostgresSnapshots
from tests.world import World, eventually

SESSIONS = 23
AT_ONCE = timedelta(0)
SOME_SESSIONS = """
    WITH made AS (
        INSERT INTO chat_sessions (user_id, agent_name) SELECT 'mia', 'echo' FROM generate_series(1, $1) RETURNING chat_id
    )
    INSERT INTO session_states (chat_id, user_id, version, changed_at, dirty_since)
    SELECT chat_id, 'mia', 1, clock_timestamp(), clock_timestamp() FROM made RETURNING chat_id::text
"""
STANDS_IN_THE_WAY = """
    CREATE FUNCTION stand_in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {act}; RETURN NEW; END $$;
    CREATE TRIGGER stand_in_the_way BEFORE INSERT ON snapshots
        FOR EACH ROW WHEN (NEW.chat_id = '{chat}') EXECUTE FUNCTION stand_in_the_way();
"""


@pytest.fixture
async def store(world: World) -> AsyncIterator[PostgresSnapshots]:
    """Snapshots on the world's database."""
    database = await open_database(world.database_url)
    yield PostgresSnapshots(database)
    await database.close()


@pytest.fixture
async def outsider(world: World) -> AsyncIterator[asyncpg.Connection]:
    """A database connection that sees every row."""
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()


async def changed_sessions(outsider: asyncpg.Connection) -> list[str]:
    """Sessions whose state is newer than their last snapshot."""
    return [row["chat_id"] for row in await outsider.fetch(SOME_SESSIONS, SESSIONS)]


async def test_all_changed_sessions_are_saved(store: PostgresSnapshots, outsider: asyncpg.Connection) -> None:
    """P-2: in one pass, and once each."""
    await changed_sessions(outsider)
    assert await store.save_changed(AT_ONCE, AT_ONCE) == SESSIONS
    assert await store.save_changed(AT_ONCE, AT_ONCE) == 0


async def test_only_a_few_are_locked_together(
    store: PostgresSnapshots, outsider: asyncpg.Connection, world: World
) -> None:
    """A message to a session waits for that session's batch only."""
    chats = await changed_sessions(outsider)
    await outsider.execute(STANDS_IN_THE_WAY.format(act="PERFORM pg_advisory_xact_lock(7)", chat=chats[-1]))
    await outsider.execute("SELECT pg_advisory_lock(7)")
    saving = asyncio.create_task(store.save_changed(AT_ONCE, AT_ONCE))

    async def held_up() -> list[dict[str, object]]:
        return await world.rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    await eventually(held_up)
    free = await world.rows("SELECT FROM chat_sessions FOR UPDATE SKIP LOCKED")
    await outsider.execute("SELECT pg_advisory_unlock(7)")
    assert len(free) >= SESSIONS - BATCH
    assert await saving == SESSIONS


async def test_a_failed_snapshot_does_not_stop_the_others(
    store: PostgresSnapshots, outsider: asyncpg.Connection, world: World
) -> None:
    """Others in the same batch are saved, too; the failed one is retried on the next pass."""
    chats = await changed_sessions(outsider)
    await outsider.execute(STANDS_IN_THE_WAY.format(act="RAISE EXCEPTION 'no room'", chat=chats[0]))
    with pytest.raises(StoreUnavailable, match=r"22 of 23 .* no room"):
        await store.save_changed(AT_ONCE, AT_ONCE)
    saved = await world.rows("SELECT chat_id::text FROM snapshots")
    assert sorted(row["chat_id"] for row in saved) == sorted(chats[1:])
    await outsider.execute("DROP FUNCTION stand_in_the_way CASCADE")
    assert await store.save_changed(AT_ONCE, AT_ONCE) == 1
