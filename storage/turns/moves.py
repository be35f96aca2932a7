"""Renames a route or address, such as that of a group chat with a new id, everywhere it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from storage.connections import PooledConnection
from storage.database import Database
from storage.pools import in_transaction
from storage.queries import load_queries

SQL = load_queries("moves")


@dataclass(frozen=True, slots=True)
class PostgresMoves:
    """`Moves` on Postgres. Reads all routes and schedules: a group moves once in its lifetime."""

    database: Database

    async def move(self, old: str, new: str) -> None:
        async with self.database.own_work() as connection, in_transaction(connection):
            # First: a firing schedule locks its row, and then the routes of its addresses.
            await connection.execute(SQL["move_schedules"], old, new)
            sessions = await _move_sessions(connection, old, new)
            await connection.execute(SQL["move_turns"], old, new, sessions)
            await connection.execute(SQL["move_outbox"], old, new)


async def _move_sessions(connection: PooledConnection, old: str, new: str) -> list[object]:
    """Locks first, then writes; returns the keys of all sessions that are locked now."""
    rows = await connection.fetch(SQL["lock_old_routes"], old)
    users, before = [row["user_id"] for row in rows], [row["route"] for row in rows]
    after = [new + route.removeprefix(old) for route in before]
    await connection.execute(SQL["begin_new_routes"], users, after)
    await connection.execute(SQL["lock_new_routes"], users, after)
    locked = await connection.fetch(SQL["lock_sessions"], users, before, old)
    await connection.execute(SQL["move_sessions"], users, before, after)
    await connection.execute(SQL["merge_routes"], users, before, after)
    await connection.execute(SQL["end_old_routes"], users, before)
    return [row["chat_id"] for row in locked]
