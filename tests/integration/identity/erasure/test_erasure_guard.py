"""What refuses a row of a user who is being erased: a policy on each table, which both roles of the gateway are under."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from storage.identity import APP_ROLE, SYSTEM_ROLE
from storage.users.erasure import SQL as ERASURE
from tests.integration.identity.erasure.erasing import WAITS_FOR_A_LOCK
from tests.world import World, eventually

# Words are entered for messages that are there, while their session is held, and go with them. Usage is logged with the end of a turn
# that is there, while its session is held, so none is logged once the sessions are removed; from then on it only moves to its sums.
OPEN_TO_RETURN = """
    SELECT c.oid::regclass::text AS name
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT IN (
            'erasures', 'sign_in_codes', 'message_words', 'recent_activity', 'usage_log', 'usage_days', 'budget_days'
        )
        AND NOT EXISTS (
            SELECT FROM pg_constraint AS k
            WHERE k.conrelid = c.oid AND k.confrelid = 'chat_sessions'::regclass AND k.confdeltype = 'c'
        )
        AND NOT EXISTS (
            SELECT FROM pg_policy AS p
            WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd = 'a' AND p.polroles = '{0}'
                AND c.relrowsecurity AND c.relforcerowsecurity
                AND pg_get_expr(p.polwithcheck, p.polrelid) = 'not_being_erased(user_id)'
        )
"""

BEGINNINGS = {
    "schedules": "INSERT INTO schedules (user_id, name, agent_name, prompt, trigger, timezone, next_fire_at)"
    " VALUES ('mia', 'n', 'a', 'p', '{}', 'UTC', now())",
    "api_tokens": "INSERT INTO api_tokens (user_id, digest, role) VALUES ('mia', '', 'user')",
    "link_codes": "INSERT INTO link_codes (digest, user_id, channel, expires_at) VALUES ('', 'mia', 'telegram', now())",
    "links": "INSERT INTO links (user_id, channel, external_id) VALUES ('mia', 'telegram', '5')",
    "identified_visitors": "INSERT INTO identified_visitors (visitor_id, user_id) VALUES ('v', 'mia')",
    "routes": "INSERT INTO routes (user_id, route) VALUES ('mia', 'web:assistant')",
    "chat_sessions": "INSERT INTO chat_sessions (user_id, agent_name) VALUES ('mia', 'assistant')",
}
"""A row of hers in each table that is guarded."""


async def test_every_table_that_outlives_sessions_is_guarded(world: World) -> None:
    """P-4, a catalogue test: what has a user's rows belongs to a session, or refuses new ones."""
    assert await world.rows(OPEN_TO_RETURN) == []
    await world.rows("CREATE TABLE careless (user_id text)")
    assert await world.rows(OPEN_TO_RETURN) == [{"name": "careless"}]


@pytest.mark.parametrize("role", [APP_ROLE, SYSTEM_ROLE])
async def test_an_insert_that_waited_for_the_erasure_is_refused(database_url: str, role: str) -> None:
    """P-4: an insert whose snapshot is older than the erasure still sees it, in each table and for each role."""
    erases, begins, looks = [await asyncpg.connect(database_url) for _ in range(3)]
    try:
        await begins.execute(f"SET ROLE {role}; SET turngate.user_id = 'mia'")
        for table, insert in BEGINNINGS.items():
            await erases.execute("DELETE FROM erasures")
            async with erases.transaction():
                await erases.execute(ERASURE["lock_user"], "mia")
                inserting = asyncio.create_task(begins.execute(insert))
                await eventually(lambda: looks.fetch(WAITS_FOR_A_LOCK))
                await erases.execute(ERASURE["begin"], "mia")
            with pytest.raises(asyncpg.RestrictViolationError):
                await inserting
            assert await looks.fetch(f"SELECT FROM {table}") == []
    finally:
        await asyncio.gather(erases.close(), begins.close(), looks.close())


@pytest.mark.parametrize("of", ["mia", "nobody yet"])
async def test_no_visitor_becomes_a_user_who_is_being_erased(database_url: str, of: str) -> None:
    """P-4: nor are more rows moved of one who is that user already."""
    connection = await asyncpg.connect(database_url)
    try:
        if of == "mia":
            await connection.execute("INSERT INTO identified_visitors (visitor_id, user_id) VALUES ('v', 'mia')")
        await connection.execute("INSERT INTO chat_sessions (user_id, agent_name) VALUES ('v', 'assistant')")
        await connection.execute(ERASURE["begin"], "mia")
        await connection.execute(f"SET ROLE {SYSTEM_ROLE}")
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("SELECT identify_visitor('v', 'mia')")
        assert await connection.fetchval("SELECT user_id FROM chat_sessions") == "v"
    finally:
        await connection.close()
