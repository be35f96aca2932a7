"""The channel names that sessions may have: those of the contract, and those from installed packages."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from storage.queries import load_queries

SQL = load_queries("channels")


async def missing_channels(connection: asyncpg.Connection, names: Collection[str]) -> list[str]:
    """Returns the names that the CHECK of `chat_sessions` does not allow; none if there is no such CHECK yet."""
    if not names or not await connection.fetchval(SQL["is_kept"]):
        return []
    return [row["name"] for row in await connection.fetch(SQL["missing"], list(names))]


async def allow_channels(connection: asyncpg.Connection, names: Collection[str]) -> list[str]:
    """Allows the names, in two steps, so that nobody waits long while the rows are validated. May be repeated. Returns the new ones."""
    added: list[str] = await connection.fetchval(SQL["allow"], list(names))
    await connection.execute(SQL["validate"])
    return added
