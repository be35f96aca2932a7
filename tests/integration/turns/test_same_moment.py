"""Rows with two unique indexes, inserted by several callers at once: one inserts, the others find the row."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

from gateway.core.model import API, AgentName, ReplicaId, UserId
from gateway.core.ports.sessions.imported_transcripts import ImportedMessage, ImportedTranscript
from storage.database import Database
from storage.replicas.replicas import SQL, PostgresReplicas
from storage.sessions.imported_transcripts import PostgresImportedTranscripts

AT_ONCE = 8
ROUNDS = 60
JOINS = 300


async def test_seeds_of_one_key_are_one_session(database: Database) -> None:
    """Its primary key and its `session_id` hold the same value, and the later insert can conflict with either."""
    store = PostgresImportedTranscripts(database)
    for number in range(ROUNDS):
        transcript = ImportedTranscript(
            UserId("ann"), API, AgentName("assistant"), (ImportedMessage("user", "before"),), key=f"k{number}"
        )
        sessions = await asyncio.gather(*(store.create(transcript) for _ in range(AT_ONCE)))
        assert len({session.session_id for session in sessions}) == 1
        assert {session.message_count for session in sessions} == {1}


async def test_a_replica_that_joins_twice_at_once_exists_once(database: Database) -> None:
    """A heartbeat whose result was lost may still be in progress when the next one begins."""

    async def joins(life: PostgresReplicas, gate: asyncio.Barrier) -> None:
        async with database.own_work() as connection:
            await gate.wait()
            await connection.execute(SQL["join"], life.replica_id, life.slot, life.ttl, life.newest_migration)

    for number in range(JOINS):
        life = PostgresReplicas(database, ReplicaId(uuid4()), f"slot {number}", timedelta(seconds=30))
        gate = asyncio.Barrier(4)
        await asyncio.gather(*(joins(life, gate) for _ in range(4)))
        await life.beat()
    async with database.own_work() as connection:
        assert await connection.fetchval("SELECT count(*) FROM replicas") == JOINS
