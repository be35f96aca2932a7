"""Replicas of different versions on one database: which one migrates, and which serve meanwhile."""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from gateway.core.model import ReplicaId
from gateway.errors import SettingsError, StoreUnavailable
from storage.database import open_database
from storage.migrating.migrate import migrate, pending_migrations
from storage.migrating.origin import MIGRATIONS
from storage.replicas.replicas import PostgresReplicas
from tests.acceptance.pages import blocks
from tests.faults.http_clients import all_is_answered, caller
from tests.world import Person, World, eventually

pytestmark = pytest.mark.faults

INDEX = """--An index built while others work.
-- transaction: false

-- migrate: apply

CREATE INDEX CONCURRENTLY of_a_newer_version ON chat_messages (created_at);

-- migrate: rollback

DROP INDEX of_a_newer_version;
"""
ADDITIONS = """--Columns, a table and a channel that an older gateway knows nothing of.

-- migrate: apply

ALTER TABLE chat_sessions ADD COLUMN newer_mood text NOT NULL DEFAULT 'calm';
ALTER TABLE chat_messages ADD COLUMN newer_score int;
ALTER TABLE turns ADD COLUMN newer_cost numeric NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN newer_note text;
ALTER TABLE replicas ADD COLUMN newer_version text;
CREATE TABLE newer_things (thing_id bigint PRIMARY KEY);

-- migrate: rollback

DROP TABLE newer_things;
"""

PRE, POST = "0042_pre_state_writers", "0043_post_write_state"
"""The worked example of docs/extending.md."""
WRITE_V2 = "SELECT (write_state_v2($1, NULL, NULL, NULL, NULL, NULL, $2)).status"


def newer(folder: Path, migration: str) -> Path:
    """The migrations of a gateway that has one more."""
    shutil.copytree(MIGRATIONS, folder)
    last = max(path.stem for path in folder.glob("*.sql"))
    head, rest = migration.split("\n", 1)
    (folder / "9000_pre_newer.sql").write_text(f"{head}\n-- depends: {last}\n{rest}")
    return folder


async def test_three_replicas_build_an_index_without_waiting_for_each_other(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Row 42: CREATE INDEX CONCURRENTLY waits for all open transactions, so a replica that waits for it must have none open."""
    folder = newer(tmp_path / "migrations", INDEX)
    async with asyncio.timeout(60):
        applied = await asyncio.gather(*(migrate(empty_database_url, folder) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, len(list(folder.glob("*.sql")))]
    assert await pending_migrations(empty_database_url, folder) == []


async def test_an_index_is_built_while_an_older_replica_serves(world: World, tmp_path: Path) -> None:
    """Row 42: messages are answered throughout, and the index is valid at the end."""
    gateway = await world.gateway()
    ann = await caller(await world.person("ann", gateway.url))
    migrating = asyncio.create_task(migrate(world.database_url, newer(tmp_path / "migrations", INDEX)))
    for number in range(2, 8):
        await ann.sends_until_answered(f"count to {number}", f"m{number}")
    async with asyncio.timeout(60):
        assert await migrating == ["9000_pre_newer"]
    [index] = await world.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'of_a_newer_version'::regclass")
    assert index["indisvalid"]
    assert await all_is_answered(world)


async def test_old_and_new_replicas_serve_one_session_in_turn(world: World, tmp_path: Path) -> None:
    """Row 44: the schema grows under a running gateway; that gateway, a newer one and an old one started later all serve.

    To the database, a newer gateway is one with more migrations.
    """
    old = await world.gateway(data_dir="old")
    ann = await world.person("ann", old.url)
    who = await caller(ann)
    socket = await ann.connects(session_id=who.session_id)
    await who.sends_until_answered("count to 2", "m0")
    assert await migrate(world.database_url, newer(tmp_path / "migrations", ADDITIONS)) == ["9000_pre_newer"]
    new, late = await world.gateway(data_dir="new"), await world.gateway(data_dir="late")
    for number, gateway in enumerate((old, new, late) * 3, start=3):
        ann.url = gateway.url
        reply = await who.sends_until_answered(f"count to {number}", f"m{number}")
        assert reply.endswith(f"{number}.")
    for seq in range(1, 21):
        assert (await socket.hears("message"))["message"]["seq"] == seq
    assert await all_is_answered(world)
    # What a connection remembers of the schema is found out by using it: at most a "try again" each, or a reply to be asked for.
    assert {answer.status for answer in who.answers} <= {200, 202, 503}


async def test_a_new_replica_continues_turns_of_an_old_one(world: World, tmp_path: Path) -> None:
    """Row 44: the old replica is stopped during turns, and the new one continues them."""
    old = await world.process("old")
    people = [await caller(await world.person(f"user{number}", old.url)) for number in range(3)]
    asking = [asyncio.create_task(who.sends_until_answered("wait 4 seconds", "m1")) for who in people]
    await migrate(world.database_url, newer(tmp_path / "migrations", ADDITIONS))
    new = await world.process("new")
    await old.stops()
    for who in people:
        who.person.url = new.url
    await asyncio.gather(*asking)
    assert await all_is_answered(world)


def worked_example(folder: Path) -> Path:
    """The migrations of the version that removes what the previous version replaced."""
    shutil.copytree(MIGRATIONS, folder)
    last = max(path.stem for path in folder.glob("*.sql"))
    shown = [block.text for block in blocks("sql") if block.page == "docs/extending.md"]
    for name, text in zip((PRE, POST), shown, strict=True):
        (folder / f"{name}.sql").write_text(re.sub(r"^-- depends: .*", f"-- depends: {last}", text, flags=re.MULTILINE))
        last = name
    return folder


async def test_a_function_is_replaced_while_old_and_new_replicas_serve(world: World, tmp_path: Path) -> None:
    """Row 44a: old replicas keep using the old function; it is dropped once the last of them is gone, and none can come back."""
    folder = worked_example(tmp_path / "migrations")
    old = await world.process("old")
    ann = await world.person("ann", old.url)
    session_id = (await ann.posts("/api/chat/sessions", 201))["session_id"]
    assert await migrate(world.database_url, folder) == [PRE]
    await eventually(lambda: writes_state(ann, session_id))

    database = await open_database(world.database_url)
    connection = await asyncpg.connect(world.database_url)
    await connection.execute("SET ROLE turngate_system")
    new = PostgresReplicas(database, ReplicaId(uuid4()), "new", timedelta(minutes=1), newest_migration=PRE)
    await new.beat()
    assert await connection.fetchval(WRITE_V2, session_id, "ann") == "done"
    assert await migrate(world.database_url, folder) == []
    await eventually(lambda: writes_state(ann, session_id))

    await old.stops()
    assert await migrate(world.database_url, folder) == [POST]
    await new.beat()
    assert await connection.fetchval(WRITE_V2, session_id, "ann") == "done"
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await connection.fetchval("SELECT write_state($1, NULL, NULL, NULL, NULL, NULL)", session_id)
    with pytest.raises(SettingsError, match=f"needs a newer version of Turngate, one with {PRE}"):
        await migrate(world.database_url)
    frozen = PostgresReplicas(database, ReplicaId(uuid4()), "old", timedelta(minutes=1))
    with pytest.raises(StoreUnavailable, match="needs a newer version"):
        await frozen.beat()
    await connection.close()
    await database.close()


async def writes_state(person: Person, session_id: str) -> bool:
    """Whether the gateway wrote the state; at the moment of a schema change, it may ask for a retry."""
    path, anything = f"/api/chat/sessions/{session_id}/state", {"If-Match": "*"}
    status, body = await person.calls("PUT", path, headers=anything, json={"blackboard": {"mood": "calm"}})
    assert status in {200, 503}, body
    return bool(status == 200)
