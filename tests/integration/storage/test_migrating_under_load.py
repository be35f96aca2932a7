"""A filled database is migrated to a newer version while gateways keep writing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, MutableMapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from gateway.errors import StoreUnavailable
from storage.migrating.migrate import migrate, pending_migrations
from storage.migrating.origin import MIGRATIONS
from storage.migrating.progress import reported
from tests.world import eventually

TABLES = ("routes", "chat_sessions", "chat_messages", "turns", "outbox", "schedules")
COLUMNS = "\n\n".join(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS newer_note text;" for table in TABLES)
INDEX = """SET lock_timeout = 0;

DROP INDEX CONCURRENTLY IF EXISTS chat_messages_newer;

CREATE INDEX CONCURRENTLY chat_messages_newer ON chat_messages (created_at);"""
NEWER = {"9001_pre_columns": COLUMNS, "9002_pre_index": INDEX}
FILL = """
INSERT INTO chat_sessions (user_id, agent_name, title, last_seq, message_count, route)
SELECT 'u' || n, 'assistant', 'title ' || n, 10, 10, 'web:assistant' FROM generate_series(1, 150) AS n;
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)
SELECT chat_id, n, user_id, 'user', 'some words, and others such as ' || md5(n || user_id), 'web', n
FROM chat_sessions, generate_series(1, 10) AS n
"""
SPEAK = """
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)
SELECT chat_id, last_seq + 1, user_id, 'user', 'late', 'web', last_seq + 1 FROM chat_sessions WHERE user_id = $1
"""
WAITING = "SELECT FROM pg_stat_activity WHERE application_name = 'turngate migrate' AND wait_event_type = 'Lock'"
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'turngate migrate' AND datname = current_database()
"""
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"


def newer(folder: Path, names: Iterable[str] = NEWER) -> Path:
    """The migrations of a version that adds these, outside transactions."""
    shutil.copytree(MIGRATIONS, folder)
    last = max(path.stem for path in folder.glob("*.sql"))
    for name in names:
        head = f"--Of a newer version.\n-- depends: {last}\n-- transaction: false\n\n-- migrate: apply\n"
        (folder / f"{name}.sql").write_text(f"{head}\n{NEWER[name]}\n\n-- migrate: rollback\n")
        last = name
    return folder


class Database:
    """A filled database with pending migrations, and a connection to inspect it."""

    def __init__(self, url: str, folder: Path, eye: asyncpg.Connection) -> None:
        self.url = url
        self.eye = eye
        self._folder = folder

    async def migrates(self) -> list[str]:
        """Migrates to the newer version."""
        return await migrate(self.url, self._folder)

    async def is_waited_for(self) -> None:
        """Waits until a migration waits for a lock."""
        await eventually(lambda: self.eye.fetch(WAITING))

    async def is_whole(self) -> bool:
        """Whether nothing is pending and no index is invalid."""
        return await pending_migrations(self.url, self._folder) == [] and await self.eye.fetch(INVALID) == []


@pytest_asyncio.fixture
async def filled(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of this version with 150 sessions and 1,500 messages."""
    eye = await asyncpg.connect(database_url)
    await eye.execute(FILL)
    yield Database(database_url, newer(tmp_path / "newer"), eye)
    await eye.close()


@pytest.mark.parametrize("first", TABLES)
async def test_no_deadlock_with_a_transaction_that_uses_many_tables(filled: Database, first: str) -> None:
    """A transaction that wrote to a table a migration waits for may still write to every other table."""
    migrating = asyncio.create_task(filled.migrates())
    writer = await asyncpg.connect(filled.url)
    while not migrating.done():
        async with writer.transaction():
            await writer.execute(f"LOCK TABLE {first} IN ROW EXCLUSIVE MODE")
            await eventually(lambda: done_or_waiting(filled, migrating))
            for other in TABLES:
                await writer.execute(f"LOCK TABLE {other} IN ROW EXCLUSIVE MODE")
        await asyncio.sleep(0)
    await writer.close()
    await migrating
    assert await filled.is_whole()
    assert await filled.eye.fetchval(DEADLOCKS) == 0


async def done_or_waiting(filled: Database, migrating: asyncio.Task[list[str]]) -> bool:
    """Whether the migration has ended or waits for a lock."""
    return migrating.done() or bool(await filled.eye.fetch(WAITING))


async def test_a_waiting_migration_does_not_block_writers(filled: Database) -> None:
    """A long transaction, such as a dump, delays the migration, but not writers."""
    dump, writer = await asyncpg.connect(filled.url), await asyncpg.connect(filled.url)
    reading = dump.transaction()
    await reading.start()
    await dump.execute("LOCK TABLE chat_messages IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(filled.migrates())
    await filled.is_waited_for()
    await writer.execute("SET ROLE turngate_system")
    await writer.execute(SPEAK, "u1")
    assert not migrating.done()
    await reading.rollback()
    await migrating
    assert await filled.is_whole()
    await dump.close()
    await writer.close()


async def test_an_interrupted_index_is_built_again(filled: Database, tmp_path: Path) -> None:
    """The server ends the connection during a build; the invalid index does not stop the next try."""
    await migrate(filled.url, newer(tmp_path / "columns", ["9001_pre_columns"]))
    writer = await asyncpg.connect(filled.url)
    writing = writer.transaction()
    await writing.start()
    await writer.execute("LOCK TABLE chat_messages IN ROW EXCLUSIVE MODE")
    migrating = asyncio.create_task(filled.migrates())
    await filled.is_waited_for()
    assert [row[0] for row in await filled.eye.fetch(INVALID)] == ["chat_messages_newer"]
    await filled.eye.execute(END)
    with pytest.raises(StoreUnavailable, match="9002_pre_index"):
        await migrating
    await writing.rollback()
    await writer.close()
    assert await filled.migrates() == ["9002_pre_index"]
    assert await filled.is_whole()


async def test_migrations_outside_transactions_can_run_twice(filled: Database) -> None:
    """One may have run without being recorded."""
    await filled.migrates()
    before = await filled.eye.fetch(INDEXES)
    await filled.eye.execute("DELETE FROM _pogo_migration WHERE migration_id = ANY ($1)", list(NEWER))
    assert await filled.migrates() == list(NEWER)
    assert await filled.eye.fetch(INDEXES) == before
    assert await filled.is_whole()


async def test_the_log_shows_an_index_builds_progress_and_what_it_waits_for(filled: Database) -> None:
    """At intervals, and at the end how long it took."""
    builder, writer = await asyncpg.connect(filled.url), await asyncpg.connect(filled.url)
    writing = writer.transaction()
    await writing.start()
    await writer.execute("LOCK TABLE chat_messages IN ROW EXCLUSIVE MODE")
    with capture_logs() as lines:
        async with reported(filled.url, builder.get_server_pid(), "an_index", every_s=0.05):
            building = asyncio.create_task(builder.execute("CREATE INDEX CONCURRENTLY ON chat_messages (created_at)"))
            line = await eventually(lambda: first_waiting(lines))
            await writing.rollback()
            await building
    assert line["waits_for"] == [writer.get_server_pid()]
    assert line["phase"] == "waiting for writers before build"
    assert (lines[-1]["event"], lines[-1]["migration"]) == ("migration_applied", "an_index")
    await builder.close()
    await writer.close()


async def first_waiting(lines: list[MutableMapping[str, Any]]) -> MutableMapping[str, Any] | None:
    """The first log line that says what it waits for."""
    return next((line for line in lines if line.get("waits_for")), None)
