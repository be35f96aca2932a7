"""A filled database is migrated while gateways of the version before go on writing."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from gateway.errors import StoreUnavailable
from storage.migrate import MIGRATIONS, TABLE_WAIT_S, migrate, pending_migrations
from storage.migration_progress import told
from tests.world import eventually

BEFORE = "0009_supersede"
# Behind a migration that waits for a table, and until the machine has time for what comes after.
LONGEST_S = TABLE_WAIT_S + 3
FILL = """
INSERT INTO chat_sessions (user_id, agent_name, title, last_seq, message_count, route)
SELECT 'u' || n, 'assistant', 'title ' || n, 10, 10, 'web:assistant' FROM generate_series(1, 1500) AS n;
INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq)
SELECT chat_id, n, user_id, 'user', 'some words, and others such as ' || md5(n || user_id), 'web', n
FROM chat_sessions, generate_series(1, 10) AS n
"""
# As gateways have them that know of migrations up to 0009.
ACCEPT = """
SELECT (a.turn).chat_id, (a.turn).turn_id, (a.turn).epoch FROM accept_message(
    $1, 'telegram', 'assistant', 'a question', $2, 'telegram:1:7:0', NULL, '{telegram:1:7:0}', false, false, false, 'a title',
    '15 minutes', 'enqueue', false, '300 s', 20, $3, 1000
) AS a
"""
FINISH = """
SELECT status, outbox_ids FROM finish_turn(
    $1, $2, $3, $4, $5, 'completed', 'an answer', NULL, NULL, NULL, 'another title', '{telegram:1:7:0}', '{an answer}',
    '{an answer}', '{}'
)
"""
SETTLE = "UPDATE outbox SET state = 'sent', settled_at = clock_timestamp() WHERE item_id = ANY ($1)"
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
TITLES = """
SELECT s.title AS said, t.title AS kept FROM chat_sessions AS s LEFT JOIN session_titles AS t USING (chat_id)
WHERE s.title IS NOT NULL
"""


def up_to(last: str, folder: Path) -> Path:
    """The migrations of a gateway that knows none after `last`."""
    shutil.copytree(MIGRATIONS, folder)
    for path in folder.glob("*.sql"):
        if path.stem > last:
            path.unlink()
    return folder


class Database:
    """A filled one, and a connection to look into it."""

    def __init__(self, url: str, folder: Path, eye: asyncpg.Connection) -> None:
        self.url = url
        self.eye = eye
        self._folder = folder

    async def stands_at(self, last: str) -> None:
        """Migrated up to there."""
        await migrate(self.url, up_to(last, self._folder / last))

    async def is_waited_for(self) -> None:
        """Until a migration waits for somebody."""
        await eventually(lambda: self.eye.fetch(WAITING))

    async def is_whole(self) -> bool:
        """Nothing is pending, and no index is half built."""
        return await pending_migrations(self.url) == [] and await self.eye.fetch(INVALID) == []


@pytest_asyncio.fixture
async def filled(empty_database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of the version before with 1,500 sessions and 15,000 messages."""
    await migrate(empty_database_url, up_to(BEFORE, tmp_path / "before"))
    eye = await asyncpg.connect(empty_database_url)
    await eye.execute(FILL)
    yield Database(empty_database_url, tmp_path, eye)
    await eye.close()


class Writer:
    """T1, T2 and T3 of one user, over and over; each commits for itself."""

    def __init__(self, url: str, user: str) -> None:
        self.url = url
        self.user = user
        self.served = 0
        self.slowest_s = 0.0
        self.stopped = False

    async def serves(self) -> None:
        """Until it is stopped; any error ends it."""
        connection = await asyncpg.connect(self.url, statement_cache_size=0)
        await connection.execute("SET ROLE turngate_system")
        while not self.stopped:
            await self._serves_one(connection)
            self.served += 1
        await connection.close()

    async def _serves_one(self, connection: asyncpg.Connection) -> None:
        me = uuid.uuid4()
        turn = await self._asks(connection, ACCEPT, self.user, str(me), me)
        done = await self._asks(connection, FINISH, self.user, turn["chat_id"], turn["turn_id"], me, turn["epoch"])
        assert done["status"] == "finished"
        await connection.execute(SETTLE, done["outbox_ids"])

    async def _asks(self, connection: asyncpg.Connection, statement: str, *values: object) -> asyncpg.Record:
        began = time.monotonic()
        [row] = await connection.fetch(statement, *values)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        return row


async def test_nobody_who_writes_is_refused_or_kept(filled: Database) -> None:
    """T1, T2 and the outbox of eight connections go on; each message is answered once, and none waits for long."""
    writers = [Writer(filled.url, f"u{number}") for number in range(1, 9)]
    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(writer.serves())
        await eventually(lambda: served(writers))
        await migrate(filled.url)
        for writer in writers:
            writer.stopped = True
    assert max(writer.slowest_s for writer in writers) < LONGEST_S
    assert await filled.is_whole()
    answered = await filled.eye.fetchval("SELECT count(*) FROM chat_messages WHERE role = 'assistant'")
    assert answered == sum(writer.served for writer in writers)
    assert all(row["said"] == row["kept"] for row in await filled.eye.fetch(TITLES))
    assert await filled.eye.fetchval(DEADLOCKS) == 0


async def served(writers: list[Writer]) -> bool:
    """Each has begun."""
    return all(writer.served for writer in writers)


@pytest.mark.parametrize("first", ["routes", "chat_sessions", "chat_messages", "turns", "outbox", "schedules"])
async def test_no_circle_with_a_transaction_that_goes_from_table_to_table(filled: Database, first: str) -> None:
    """Whoever has written to a table that a migration waits for may write to every other one."""
    migrating = asyncio.create_task(migrate(filled.url))
    writer = await asyncpg.connect(filled.url)
    while not migrating.done():
        async with writer.transaction():
            await writer.execute(f"LOCK TABLE {first} IN ROW EXCLUSIVE MODE")
            await eventually(lambda: done_or_waiting(filled, migrating))
            for other in ("routes", "chat_sessions", "chat_messages", "turns", "outbox", "schedules"):
                await writer.execute(f"LOCK TABLE {other} IN ROW EXCLUSIVE MODE")
        await asyncio.sleep(0)
    await writer.close()
    await migrating
    assert await filled.is_whole()
    assert await filled.eye.fetchval(DEADLOCKS) == 0


async def done_or_waiting(filled: Database, migrating: asyncio.Task[list[str]]) -> bool:
    """Whether there is something to go on for."""
    return migrating.done() or bool(await filled.eye.fetch(WAITING))


async def test_a_migration_that_waits_lets_others_pass(filled: Database) -> None:
    """A long transaction, such as a dump, keeps a table from the migration, and writers for a moment only."""
    dump, writer = await asyncpg.connect(filled.url), await asyncpg.connect(filled.url)
    reading = dump.transaction()
    await reading.start()
    await dump.execute("LOCK TABLE chat_messages IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(migrate(filled.url))
    await filled.is_waited_for()
    await writer.execute("SET ROLE turngate_system")
    async with asyncio.timeout(LONGEST_S):
        await writer.execute(SPEAK, "u1")
    assert not migrating.done()
    await reading.rollback()
    await migrating
    assert await filled.is_whole()
    await dump.close()
    await writer.close()


async def test_an_index_that_was_interrupted_is_built_anew(filled: Database) -> None:
    """The server ends the connection in the middle of a build; what is left of it does not stop the next."""
    await filled.stands_at("0023_rewound_messages_index")
    writer = await asyncpg.connect(filled.url)
    writing = writer.transaction()
    await writing.start()
    await writer.execute("LOCK TABLE chat_messages IN ROW EXCLUSIVE MODE")
    migrating = asyncio.create_task(migrate(filled.url))
    await filled.is_waited_for()
    assert [row[0] for row in await filled.eye.fetch(INVALID)] == ["chat_messages_words"]
    await filled.eye.execute(END)
    with pytest.raises(StoreUnavailable, match="0024_message_words_index"):
        await migrating
    await writing.rollback()
    await writer.close()
    assert (await migrate(filled.url))[0] == "0024_message_words_index"
    assert await filled.is_whole()


async def test_what_runs_outside_of_transactions_can_run_twice(filled: Database) -> None:
    """It may have been done, and not been noted."""
    await migrate(filled.url)
    before = await filled.eye.fetch(INDEXES)
    names = [path.stem for path in MIGRATIONS.glob("*.sql") if "-- transaction: false" in path.read_text()]
    await filled.eye.execute("DELETE FROM _pogo_migration WHERE migration_id = ANY ($1)", names)
    assert await migrate(filled.url) == sorted(names)
    assert await filled.eye.fetch(INDEXES) == before
    assert await filled.is_whole()


async def test_indexes_of_tables_in_use_are_built_beside_their_use() -> None:
    """Each in a migration of its own, which can be begun again."""
    for text in applied_since(BEFORE):
        plain = re.findall(r"^CREATE (?:UNIQUE )?INDEX \w+\s+ON (\w+)", text, re.MULTILINE)
        assert set(plain) <= set(re.findall(r"^CREATE TABLE (\w+)", text, re.MULTILINE))
        if "CONCURRENTLY" in text:
            assert text.count("INDEX CONCURRENTLY") == 2
            assert re.search(
                r"DROP INDEX CONCURRENTLY IF EXISTS (\w+);.*CREATE INDEX CONCURRENTLY \1 ", text, re.DOTALL
            )


async def test_a_transaction_locks_one_table_in_use_at_most() -> None:
    """Whoever waits for two may stand in a circle."""
    for text in applied_since(BEFORE):
        locked = set(re.findall(r"^ALTER TABLE (\w+)|REFERENCES (\w+)|^CREATE TRIGGER .* ON (\w+)", text, re.MULTILINE))
        made = set(re.findall(r"^CREATE TABLE (\w+)", text, re.MULTILINE))
        assert "-- transaction: false" in text or len({"".join(names) for names in locked} - made) <= 1


def applied_since(last: str) -> list[str]:
    """What the migrations after `last` apply."""
    later = (path.read_text() for path in MIGRATIONS.glob("*.sql") if path.stem > last)
    return [text.split("-- migrate: rollback")[0] for text in later]


async def test_titles_are_entered_without_waiting_for_anybody(filled: Database) -> None:
    """A session that somebody works on is passed over, and entered with the title it has then."""
    await filled.stands_at("0015_session_titles")
    writer = await asyncpg.connect(filled.url)
    await writer.execute("SET ROLE turngate_system")
    writing = writer.transaction()
    await writing.start()
    await writer.execute("SELECT FROM chat_sessions WHERE user_id IN ('u7', 'u8') FOR UPDATE")
    await writer.execute("UPDATE chat_sessions SET title = 'another' WHERE user_id = 'u7'")
    migrating = asyncio.create_task(migrate(filled.url))
    await eventually(lambda: filled.eye.fetchval("SELECT count(*) = 1498 FROM session_titles"))
    assert not migrating.done()
    await writing.commit()
    await migrating
    await writer.close()
    titles = await filled.eye.fetch(TITLES)
    assert len(titles) == 1500
    assert all(row["said"] == row["kept"] for row in titles)


async def test_the_log_tells_how_far_an_index_is_and_whom_it_waits_for(filled: Database) -> None:
    """Every so often, and in the end for how long it took."""
    builder, writer = await asyncpg.connect(filled.url), await asyncpg.connect(filled.url)
    writing = writer.transaction()
    await writing.start()
    await writer.execute("LOCK TABLE chat_messages IN ROW EXCLUSIVE MODE")
    with capture_logs() as lines:
        async with told(filled.url, builder.get_server_pid(), "an_index", every_s=0.05):
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
    """The first line that says whom it waits for."""
    return next((line for line in lines if line.get("waits_for")), None)


async def test_apologies_from_before_get_their_kind(filled: Database) -> None:
    """Also more of them than are changed at a time; answers stay what they are."""
    await filled.stands_at("0031_erasures_refuse")
    await filled.eye.execute(
        "INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, reply_seq, time_limit, history_turns)"
        " SELECT chat_id, n, user_id, 'assistant', 'web', CASE n WHEN 1 THEN 'failed' ELSE 'completed' END, n, '1 s', 0"
        " FROM chat_sessions, generate_series(1, 2) AS n WHERE user_id < 'u7'"
    )
    failed = await filled.eye.fetchval("SELECT count(*) FROM turns WHERE status = 'failed'")
    await migrate(filled.url)
    assert failed > 500
    apologies = await filled.eye.fetch("SELECT seq FROM chat_messages WHERE kind = 'apology'")
    assert [row["seq"] for row in apologies] == [1] * failed
