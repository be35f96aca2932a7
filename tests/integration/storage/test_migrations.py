"""From the tables before channels to the current schema."""

from __future__ import annotations

import asyncio
import json
import re
from uuid import uuid4

import asyncpg
import pytest
from pogo_core.util.sql import ensure_pogo_sync

from gateway.errors import SettingsError, StoreUnavailable
from storage.migrating.migrate import migrate, pending_migrations
from storage.migrating.origin import MIGRATIONS
from tests.world import eventually

WAITING = "SELECT FROM pg_stat_activity WHERE application_name = 'turngate migrate' AND wait_event_type = 'Lock'"
END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'turngate migrate' AND datname = current_database()
"""
FORMER_FILES = "UPDATE _pogo_migration SET migration_id = '0003_chat_sessions' WHERE migration_id = '0003_sessions'"
FORMER_CONTENT = "UPDATE _pogo_migration SET migration_hash = 'former' WHERE migration_id = '0003_sessions'"
HUMAN = {"type": "human", "data": {"content": "hi", "type": "human"}}
AI_BLOCKS = {
    "type": "ai",
    "data": {
        "content": [{"type": "text", "text": "look:"}, {"type": "image_url", "image_url": {"url": "x"}}],
        "tool_calls": [{"name": "search", "args": {"q": "a"}, "id": "c1"}],
    },
}
TOOL = {"type": "tool", "data": {"content": "found", "tool_call_id": "c1", "name": "search"}}
SYSTEM = {"type": "system", "data": {"content": "be kind"}}


async def fill_as_before(url: str, user_type: str, session_type: str = "uuid") -> tuple[str, str]:
    """The old tables with two sessions, one of which has a history."""
    told, silent = str(uuid4()), str(uuid4())
    user = str(uuid4()) if user_type == "uuid" else "ann"
    connection = await asyncpg.connect(url)
    await connection.execute(f"""
        CREATE TABLE chat_sessions (
            chat_id uuid PRIMARY KEY, user_id {user_type} NOT NULL, agent_name varchar(80), is_active boolean,
            created_at timestamp DEFAULT now()
        );
        CREATE TABLE chat_message_history (id serial PRIMARY KEY, session_id {session_type} NOT NULL, message jsonb NOT NULL)
    """)
    for chat_id in (told, silent):
        await connection.execute(
            f"INSERT INTO chat_sessions VALUES ($1, $2::text::{user_type}, 'tutor', true, '2024-01-02')", chat_id, user
        )
    for message in (SYSTEM, HUMAN, AI_BLOCKS, TOOL):
        await connection.execute(
            f"INSERT INTO chat_message_history (session_id, message) VALUES ($1::text::{session_type}, $2)",
            told,
            json.dumps(message),
        )
    await connection.close()
    return told, user


@pytest.mark.parametrize(("user_type", "session_type"), [("text", "uuid"), ("uuid", "text"), ("varchar(64)", "uuid")])
async def test_filled_tables_are_upgraded(empty_database_url: str, user_type: str, session_type: str) -> None:
    """AC-1, AC-2, AC-3: old rows are backfilled, and their history is migrated without loss."""
    told, user = await fill_as_before(empty_database_url, user_type, session_type)
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    sessions = await connection.fetch("SELECT * FROM chat_sessions ORDER BY message_count DESC")
    rows = await connection.fetch("SELECT role, content, parts FROM chat_messages ORDER BY seq")
    listed = await connection.fetch("SELECT session_id, message_count FROM sessions_list ORDER BY message_count")
    await connection.close()

    assert [(row["channel"], row["session_id"] == str(row["chat_id"]), row["user_id"]) for row in sessions] == [
        ("web", True, user)
    ] * 2
    assert [row["message_count"] for row in listed] == [0, 4]
    assert [(row["role"], row["content"]) for row in rows] == [
        ("assistant", ""),
        ("user", "hi"),
        ("assistant", "look:"),
        ("assistant", ""),
    ]
    parts = [json.loads(row["parts"]) for row in rows]
    assert parts[0] == [{"type": "data-system", "data": SYSTEM}]
    assert [part["type"] for part in parts[2]] == ["text", "data-image_url", "tool-search"]
    assert parts[3][0]["output"] == "found"
    assert str(sessions[0]["chat_id"]) == told


async def test_a_foreign_key_to_users_does_not_stop_the_upgrade(empty_database_url: str) -> None:
    """AC-3: users of other channels have no row in a table of users."""
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("""
        CREATE TABLE users (id uuid PRIMARY KEY);
        CREATE TABLE chat_sessions (
            chat_id uuid PRIMARY KEY, user_id uuid REFERENCES users, agent_name text, is_active boolean, created_at timestamptz
        )
    """)
    await connection.close()
    await migrate(empty_database_url)
    assert await pending_migrations(empty_database_url) == []


async def test_an_interrupted_upgrade_resumes(empty_database_url: str) -> None:
    """The server ends the connection while the old history is copied; the next try copies all of it, once."""
    told, _ = await fill_as_before(empty_database_url, "text")
    reader = await asyncpg.connect(empty_database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.execute("LOCK TABLE chat_message_history IN ACCESS EXCLUSIVE MODE")
    migrating = asyncio.create_task(migrate(empty_database_url))
    eye = await asyncpg.connect(empty_database_url)
    await eventually(lambda: eye.fetch(WAITING))
    await eye.execute(END)
    with pytest.raises(StoreUnavailable, match="0005_history_of_before"):
        await migrating
    await reading.rollback()
    assert (await migrate(empty_database_url))[0] == "0005_history_of_before"
    assert await eye.fetchval("SELECT count(*) FROM chat_messages WHERE chat_id = $1", told) == 4
    await eye.close()
    await reader.close()


@pytest.mark.parametrize("set_up", [FORMER_FILES, FORMER_CONTENT], ids=["other files", "other content"])
async def test_a_database_of_an_unreleased_version_is_refused(empty_database_url: str, set_up: str) -> None:
    """Nothing is migrated, and the error names the foreign migrations and the remedy; newer versions are accepted."""
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("INSERT INTO _pogo_migration VALUES ('of-9000', '9000_pre_newer', now(), 'public')")
    assert await pending_migrations(empty_database_url) == []
    await connection.execute(set_up)
    await connection.execute("DELETE FROM _pogo_migration WHERE migration_id LIKE '%_erasure'")
    for refused in (migrate, pending_migrations):
        with pytest.raises(SettingsError, match=r"never released .* 0003_\w+ do not belong .* empty database"):
            await refused(empty_database_url)
    await connection.close()


async def test_another_programs_migration_record_is_left_alone(empty_database_url: str) -> None:
    """The program that made the tables before channels may have used pogo, too, and the same numbers."""
    await fill_as_before(empty_database_url, "text")
    connection = await asyncpg.connect(empty_database_url)
    await ensure_pogo_sync(connection)
    record = "INSERT INTO _pogo_migration VALUES (encode(sha256($1::text::bytea), 'hex'), $1::text, now(), 'public')"
    await connection.execute(record, "0001_create_users")
    await migrate(empty_database_url)
    assert await pending_migrations(empty_database_url) == []
    assert (
        await connection.fetchval("SELECT count(*) FROM _pogo_migration WHERE migration_id = '0001_create_users'") == 1
    )
    await connection.close()


async def test_concurrent_migrations_apply_each_one_once(empty_database_url: str) -> None:
    """Three replicas start together."""
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, len(list(MIGRATIONS.glob("*.sql")))]


async def test_function_bodies_survive_statement_splitting(database_url: str) -> None:
    """Every function of the migrations exists, and its body is complete."""
    written = sum(
        line.startswith("CREATE FUNCTION ") and "pg_temp" not in line
        for path in MIGRATIONS.glob("*.sql")
        for line in path.read_text().splitlines()
    )
    connection = await asyncpg.connect(database_url)
    kept = await connection.fetchval(
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prolang <> 13"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
    )
    await connection.close()
    assert kept == written


async def test_each_function_is_defined_once() -> None:
    """One name, one signature: its definition is complete in one place."""
    texts = [path.read_text() for path in MIGRATIONS.glob("*.sql")]
    defined = [
        name
        for text in texts
        for name in re.findall(r"FUNCTION (\w+)\(", re.sub(r"--.*|ALTER .*|ON FUNCTION .*|EXECUTE .*", "", text))
    ]
    assert len(defined) == len(set(defined))


async def test_only_known_channels_can_be_stored(database_url: str) -> None:
    """AC-1: the database checks `channel`, and the default is `web`."""
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("INSERT INTO chat_sessions (user_id, agent_name) VALUES ('a', 'b') RETURNING *")
    assert row is not None
    assert (row["channel"], row["session_id"]) == ("web", str(row["chat_id"]))
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("INSERT INTO chat_sessions (user_id, agent_name, channel) VALUES ('a', 'b', 'pigeon')")
    await connection.close()
