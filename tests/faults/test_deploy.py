"""Replicas of different ages on one database: who migrates, and who serves meanwhile."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from storage.migrate import MIGRATIONS, migrate, pending_migrations
from tests.faults.callers import all_is_answered, caller
from tests.world import World

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


def newer(folder: Path, migration: str) -> Path:
    """The migrations of a gateway that has one more."""
    shutil.copytree(MIGRATIONS, folder)
    last = max(path.stem for path in folder.glob("*.sql"))
    head, rest = migration.split("\n", 1)
    (folder / "9000_newer.sql").write_text(f"{head}\n-- depends: {last}\n{rest}")
    return folder


async def test_three_replicas_build_an_index_without_waiting_for_each_other(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Row 42: CREATE INDEX CONCURRENTLY waits for every open transaction, so whoever waits for it must hold none."""
    folder = newer(tmp_path / "migrations", INDEX)
    async with asyncio.timeout(60):
        applied = await asyncio.gather(*(migrate(empty_database_url, folder) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, len(list(folder.glob("*.sql")))]
    assert await pending_migrations(empty_database_url, folder) == []


async def test_an_index_is_built_while_an_older_replica_serves(world: World, tmp_path: Path) -> None:
    """Row 42: messages are answered all along, and the index is whole in the end."""
    gateway = await world.gateway()
    ann = await caller(await world.person("ann", gateway.url))
    migrating = asyncio.create_task(migrate(world.database_url, newer(tmp_path / "migrations", INDEX)))
    for number in range(2, 8):
        await ann.insists(f"count to {number}", f"m{number}")
    async with asyncio.timeout(60):
        assert await migrating == ["9000_newer"]
    [index] = await world.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'of_a_newer_version'::regclass")
    assert index["indisvalid"]
    assert await all_is_answered(world)


async def test_old_and_new_replicas_serve_one_session_in_turn(world: World, tmp_path: Path) -> None:
    """Row 44: the schema grows under a running gateway; it, a newer one, and an old one that starts late all serve.

    A newer gateway is, for the database, one with more migrations.
    """
    old = await world.gateway(data_dir="old")
    ann = await world.person("ann", old.url)
    who = await caller(ann)
    socket = await ann.connects(session_id=who.session_id)
    await who.insists("count to 2", "m0")
    assert await migrate(world.database_url, newer(tmp_path / "migrations", ADDITIONS)) == ["9000_newer"]
    new, late = await world.gateway(data_dir="new"), await world.gateway(data_dir="late")
    for number, gateway in enumerate((old, new, late) * 3, start=3):
        ann.url = gateway.url
        reply = await who.insists(f"count to {number}", f"m{number}")
        assert reply.endswith(f"{number}.")
    for seq in range(1, 21):
        assert (await socket.hears("message"))["message"]["seq"] == seq
    assert await all_is_answered(world)
    # What a connection remembers of the schema is found out by using it: at most a "try again" each.
    assert {answer.status for answer in who.answers} <= {200, 503}


async def test_turns_cross_from_old_to_new(world: World, tmp_path: Path) -> None:
    """Row 44: the old replica is asked to stop in mid-turn, and the new one goes on with its turns."""
    old = await world.process("old")
    people = [await caller(await world.person(f"user{number}", old.url)) for number in range(3)]
    asking = [asyncio.create_task(who.insists("wait 4 seconds", "m1")) for who in people]
    await migrate(world.database_url, newer(tmp_path / "migrations", ADDITIONS))
    new = await world.process("new")
    await old.stops()
    for who in people:
        who.person.url = new.url
    await asyncio.gather(*asking)
    assert await all_is_answered(world)
