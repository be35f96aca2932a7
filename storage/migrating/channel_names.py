"""The names of channels that sessions may have: those of the contract, and those that installed packages bring."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from storage.queries import load_queries

SQL = load_queries("channels")


async def missing_channels(connection: asyncpg.Connection, names: Collection[str]) -> list[str]:
    """Which of them the CHECK of `chat_sessions` does not allow; none where there is no such CHECK yet."""
    if not names or not await connection.fetchval(SQL["is_kept"]):
        return []
    return [row["name"] for row in await connection.fetch(SQL["missing"], list(names))]


async def allow_channels(connection: asyncpg.Connection, names: Collection[str]) -> list[str]:
    """Allows them, in two steps: nobody waits for long while the rows are looked through. May be repeated. Returns the new ones."""
    added: list[str] = await connection.fetchval(SQL["allow"], list(names))
    await connection.execute(SQL["validate"])
    return added
