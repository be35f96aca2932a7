"""Row-level security: what Postgres itself keeps apart."""

from __future__ import annotations

import asyncpg
import pytest

OURS = """
    SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""


async def test_every_table_with_a_user_is_protected(database_url: str) -> None:
    """P-5: a table that has a user_id and no forced policy would be found here."""
    connection = await asyncpg.connect(database_url)
    tables = await connection.fetch(OURS)
    roles = await connection.fetch(
        "SELECT rolbypassrls OR rolsuper AS above FROM pg_roles WHERE rolname LIKE 'turngate\\_%'"
    )
    await connection.close()
    assert len(tables) >= 8
    assert [row["name"] for row in tables if not row["forced"]] == []
    assert [row["above"] for row in roles] == [False, False]


async def as_application(url: str, user: str | None, query: str) -> list[asyncpg.Record]:
    """A query as the role the gateway uses."""
    connection = await asyncpg.connect(url, server_settings={"role": "turngate_app"})
    try:
        if user is not None:
            await connection.execute("SELECT set_config('turngate.user_id', $1, false)", user)
        return await connection.fetch(query)
    finally:
        await connection.close()


async def test_without_a_user_the_application_sees_nothing(database_url: str) -> None:
    """P-5, AC-10: unset and emptied settings both mean nobody."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO chat_sessions (user_id, agent_name) VALUES ('ann', 'a'), ('bob', 'a')")
    await connection.close()
    query = "SELECT user_id FROM sessions_list"
    assert await as_application(database_url, None, query) == []
    assert await as_application(database_url, "", query) == []
    assert [row["user_id"] for row in await as_application(database_url, "ann", query)] == ["ann"]


async def test_the_application_cannot_write_for_another_user(database_url: str) -> None:
    """P-5: neither insert nor take over."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_application(database_url, "ann", "INSERT INTO chat_sessions (user_id, agent_name) VALUES ('bob', 'a')")
