"""Row-level security: what Postgres itself keeps apart, read from its catalogue and tried with psql."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT

import asyncpg
import pytest

from storage.database import open_database
from storage.embedded.binaries import find_binaries
from tests.world import World

# Tables that the application may touch, and tables that hold users' rows or refer to such tables, whatever the grants.
UNPROTECTED = """
    WITH wanted AS (
        SELECT c.oid, c.relrowsecurity AND c.relforcerowsecurity AS forced
        FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'f')
        AND c.relname <> 'chat_message_history' -- LangChain's, kept as it was: no role of the gateway may touch it
        AND (
            has_table_privilege('turngate_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
            OR EXISTS (
                SELECT FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0
                AND a.attname IN ('user_id', 'chat_id', 'session_id', 'message_id', 'turn_id', 'schedule_id', 'token_id')
            )
            OR EXISTS (
                SELECT FROM pg_constraint AS k JOIN pg_class AS r ON r.oid = k.confrelid
                WHERE k.conrelid = c.oid AND k.contype = 'f' AND r.relrowsecurity
            )
        )
    )
    SELECT w.oid::regclass::text AS name
    FROM wanted AS w
    WHERE NOT w.forced OR ARRAY[
        '{turngate_app} PERMISSIVE ALL (user_id = turngate_user()) (user_id = turngate_user())',
        '{turngate_system} PERMISSIVE ALL true true'
    ] IS DISTINCT FROM (
        SELECT array_agg(format('%s %s %s %s %s', p.roles, p.permissive, p.cmd, p.qual, p.with_check) ORDER BY p.roles)
        FROM pg_policies AS p
        WHERE format('%I.%I', p.schemaname, p.tablename)::regclass = w.oid
        AND p.permissive = 'PERMISSIVE' -- a restrictive one shows no row
    )
    ORDER BY 1
"""
LEAKING_VIEWS = """
    SELECT c.oid::regclass::text AS name
    FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
    AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
    ORDER BY 1
"""
DEFINERS = """
    SELECT p.proname AS name, p.proowner::regrole::text AS owner, p.provolatile <> 'v' AS reads_only,
        EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%') AS fixed_path
    FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
    ORDER BY 1
"""
RUNS_AS_ITS_OWNER = {
    "find_own_matches": "the operators of full text are not leakproof: under the policy no index would serve them",
    "own_labelled_sessions": "the operators of arrays are not leakproof: under the policy no index would serve them",
}
"""Each function that sees more than its caller, and why it must. It reads only, and only the rows of `turngate_user()`."""
WRITES_AS_ITS_OWNER = {
    "accept_plain": "T1 of many users in one statement, each of whom is named in every join",
    "accept_one": "the same of one message, by the same rules",
    "finish_plain": "T2 of many users in one statement, likewise",
    "finish_one": "the same of one reply, by the same rules",
    "sender_of": "whoever writes from a network is not known to be a user yet; it locks that account's link and tells nothing of another's",
    "senders_of": "the same for a batch",
}


async def unprotected(url: str) -> list[str]:
    """The tables that could leak users' rows."""
    connection = await asyncpg.connect(url)
    try:
        return [row["name"] for row in await connection.fetch(UNPROTECTED)]
    finally:
        await connection.close()


async def execute(url: str, *statements: str) -> None:
    """As the owner of the database."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_every_table_with_users_rows_is_protected(database_url: str) -> None:
    """P-5: forced, with the two policies of `turngate_protect` and no other that shows a row."""
    assert await unprotected(database_url) == []


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE careless (user_id text)",),
        ("CREATE TABLE careless (chat_id uuid REFERENCES chat_sessions)",),
        ("CREATE TABLE careless (of_session uuid REFERENCES chat_sessions)",),
        ("CREATE TABLE careless (words text)", "GRANT SELECT ON careless TO turngate_app"),
        ("CREATE TABLE careless (user_id text)", "ALTER TABLE careless ENABLE ROW LEVEL SECURITY"),
        (
            "CREATE TABLE careless (user_id text)",
            "SELECT turngate_protect('careless')",
            "ALTER TABLE careless NO FORCE ROW LEVEL SECURITY",
        ),
        (
            "CREATE TABLE careless (user_id text)",
            "SELECT turngate_protect('careless')",
            "DROP POLICY all_rows ON careless",
        ),
        (
            "CREATE TABLE careless (user_id text)",
            "SELECT turngate_protect('careless')",
            "CREATE POLICY one_more ON careless FOR SELECT USING (true)",
        ),
        ("CREATE MATERIALIZED VIEW careless AS SELECT user_id FROM chat_sessions",),
    ],
)
async def test_an_unprotected_table_is_reported(statements: tuple[str, ...], database_url: str) -> None:
    """Whatever it lacks."""
    await execute(database_url, *statements)
    assert await unprotected(database_url) == ["careless"]


async def test_a_protected_table_is_not_reported(database_url: str) -> None:
    """`turngate_protect` is all that a new table needs."""
    await execute(database_url, "CREATE TABLE careful (user_id text)", "SELECT turngate_protect('careful')")
    assert await unprotected(database_url) == []


async def test_neither_role_can_read_the_old_history(database_url: str) -> None:
    """P-5: LangChain's table stays without policies, since neither role may touch it."""
    connection = await asyncpg.connect(database_url)
    allowed = "SELECT has_table_privilege(r, 'chat_message_history', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
    roles = await connection.fetch(f"{allowed} AS may FROM unnest(ARRAY['turngate_app', 'turngate_system']) AS r")
    await connection.close()
    assert [row["may"] for row in roles] == [False, False]


async def test_views_show_what_their_reader_may_see(database_url: str) -> None:
    """P-5: without `security_invoker` a view reads as its owner."""
    connection = await asyncpg.connect(database_url)
    assert await connection.fetch(LEAKING_VIEWS) == []
    await connection.execute("CREATE VIEW careless AS SELECT * FROM chat_sessions")
    assert [row["name"] for row in await connection.fetch(LEAKING_VIEWS)] == ["careless"]
    await connection.close()


async def test_functions_with_more_rights_than_their_caller_are_listed(database_url: str) -> None:
    """P-5: only those of plain turns write as another role, and each has a fixed search path."""
    connection = await asyncpg.connect(database_url)
    definers = await connection.fetch(DEFINERS)
    await connection.close()
    assert {row["name"] for row in definers} == RUNS_AS_ITS_OWNER.keys() | WRITES_AS_ITS_OWNER.keys()
    for row in definers:
        only_reads = row["name"] not in WRITES_AS_ITS_OWNER
        assert (row["owner"], row["reads_only"], row["fixed_path"]) == ("turngate_system", only_reads, True), row


async def test_the_roles_are_subject_to_policies(database_url: str) -> None:
    """P-5: neither is a superuser, bypasses policies, owns tables or has memberships but one that reads statistics."""
    connection = await asyncpg.connect(database_url)
    roles = await connection.fetch(
        "SELECT r.rolname, r.rolbypassrls OR r.rolsuper OR r.rolcreaterole"
        " OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid AND roleid <> 'pg_read_all_stats'::regrole)"
        " OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS above"
        " FROM pg_roles AS r WHERE rolname IN ('turngate_app', 'turngate_system') ORDER BY 1"
    )
    await connection.close()
    assert [tuple(row) for row in roles] == [("turngate_app", False), ("turngate_system", False)]


async def psql(url: str, *statements: str) -> str:
    """The output of psql, as the application's role; values only."""
    commands = [argument for statement in ("SET ROLE turngate_app", *statements) for argument in ("-c", statement)]
    process = await asyncio.create_subprocess_exec(
        find_binaries().folder / "psql", "-XqAt", "-d", url, *commands, env=os.environ, stdout=PIPE, stderr=STDOUT
    )
    told, _ = await process.communicate()
    return told.decode().strip()


@pytest.fixture
async def two_users(database_url: str) -> str:
    """A database in which ann and bob have a session each."""
    await execute(
        database_url,
        "INSERT INTO chat_sessions (user_id, agent_name) VALUES ('ann', 'assistant'), ('bob', 'assistant')",
    )
    return database_url


@pytest.mark.parametrize("table", ["chat_sessions", "sessions_list"])
async def test_psql_sees_nothing_without_a_user(table: str, two_users: str) -> None:
    """P-5, AC-10: unset and empty settings both mean no user."""
    query = f"SELECT count(*) FROM {table}"
    assert await psql(two_users, query) == "0"
    assert await psql(two_users, "SET turngate.user_id = ''", query) == "0"


@pytest.mark.parametrize("table", ["chat_sessions", "sessions_list"])
async def test_psql_sees_one_users_rows_with_a_user(table: str, two_users: str) -> None:
    """P-5: and another user's rows stay hidden, however it asks."""
    ann = "SET turngate.user_id = 'ann'"
    assert await psql(two_users, ann, f"SELECT user_id FROM {table}") == "ann"
    assert await psql(two_users, ann, f"SELECT count(*) FROM {table} WHERE user_id = 'bob'") == "0"


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT INTO chat_sessions (user_id, agent_name) VALUES ('bob', 'a')", "new row violates row-level security"),
        ("UPDATE chat_sessions SET user_id = 'bob'", "new row violates row-level security"),
        ("UPDATE chat_sessions SET title = 'x' WHERE user_id = 'bob' RETURNING 1", ""),
        ("DELETE FROM chat_sessions WHERE user_id = 'bob' RETURNING 1", ""),
        ("TRUNCATE chat_sessions", "permission denied"),
        ("ALTER TABLE chat_sessions DISABLE ROW LEVEL SECURITY", "must be owner"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "permission denied for schema public"),
        ("SELECT find_matches('bob', 'a', NULL, NULL, NULL, NULL, NULL)", "permission denied for function"),
    ],
)
async def test_psql_writes_nothing_for_another_user(statement: str, told: str, two_users: str) -> None:
    """P-5: no insert, takeover, change or removal, and nothing that would prepare one."""
    answer = await psql(two_users, "SET turngate.user_id = 'ann'", statement)
    assert told in answer if told else answer == ""
    assert await psql(two_users, "SET turngate.user_id = 'bob'", "SELECT user_id, title FROM chat_sessions") == "bob|"


BOBS = """
    INSERT INTO routes (user_id, route, chat_id) SELECT 'bob', 'web:assistant', chat_id FROM chat_sessions WHERE user_id = 'bob';
    UPDATE chat_sessions SET route = 'web:assistant', last_message_at = now(), last_seq = 1;
    INSERT INTO turns (chat_id, seq, user_id, agent_name, channel, status, epoch, time_limit, history_turns)
    SELECT chat_id, 1, user_id, 'assistant', 'web', 'completed', 1, '5 minutes', 20 FROM chat_sessions;
"""
ACCEPTS = """
    SELECT place FROM accept_plain(
        ARRAY[{user}], ARRAY['web:assistant'], ARRAY[{session}], '{{web}}', '{{hello}}', '{{k1}}', '{{null}}', '{{5 minutes}}', '{{20}}',
        ARRAY[gen_random_uuid()], NULL, '15 minutes'
    )
"""
FINISHES = """
    SELECT place FROM finish_plain(
        ARRAY[{user}], ARRAY[{session}::uuid], ARRAY[{turn}::uuid], '{{1}}', '{{completed}}', '{{hi}}', '{{null}}', '{{null}}', '{{null}}',
        '{{null}}', '{{message}}', '{{null}}', '{{null}}', '00000000-0000-0000-0000-000000000001', '{{}}'
    )
"""
ACCEPTS_ONE = """
    SELECT seq - 1 FROM accept_one(
        {user}, 'web:assistant', {session}, 'web', 'hello', 'k1', NULL, '5 minutes', 20, gen_random_uuid(), NULL, '15 minutes'
    )
"""
FINISHES_ONE = """
    SELECT seq - 1 FROM finish_one(
        {user}, {session}, {turn}, 1, 'completed', 'hi', NULL, NULL, NULL, NULL, 'message', NULL, '00000000-0000-0000-0000-000000000001'
    )
"""


@pytest.fixture
async def bobs(two_users: str) -> dict[str, str]:
    """The names of bob's objects, as SQL: his route leads to his session, and its turn can be answered."""
    await execute(
        two_users,
        BOBS,
        "UPDATE turns SET status = 'running', owner = '00000000-0000-0000-0000-000000000001'",
        "INSERT INTO running_turns (chat_id, turn_id, user_id) SELECT chat_id, turn_id, user_id FROM turns",
    )
    connection = await asyncpg.connect(two_users)
    rows = await connection.fetch("SELECT chat_id, turn_id FROM turns ORDER BY user_id DESC")
    await connection.close()
    [session, turn], [anns, _] = ([f"'{name}'" for name in row] for row in rows)
    return {"session": session, "turn": turn, "anns": anns}


@pytest.mark.parametrize("accepts", [ACCEPTS, ACCEPTS_ONE], ids=["batch", "one"])
async def test_nothing_is_appended_to_a_session_of_another_user(
    accepts: str, two_users: str, bobs: dict[str, str]
) -> None:
    """P-5: naming bob's session as ann's adds no row, while bob, who may, gets one."""
    await execute(two_users, "UPDATE turns SET status = 'completed'", "DELETE FROM running_turns")
    for named in (bobs["session"], "NULL"):
        assert await psql(two_users, accepts.format(user="'eve'", session=named)) == ""
    assert await psql(two_users, accepts.format(user="'ann'", session=bobs["session"])) == ""
    # A route that leads to a session of another user.
    await execute(two_users, f"INSERT INTO routes VALUES ('ann', 'web:assistant', {bobs['session']})")
    assert await psql(two_users, accepts.format(user="'ann'", session="NULL")) == ""
    assert await psql(two_users, accepts.format(user="'bob'", session="NULL")) == "1"


@pytest.mark.parametrize("finishes", [FINISHES, FINISHES_ONE], ids=["batch", "one"])
async def test_no_turn_of_another_user_can_be_ended(finishes: str, two_users: str, bobs: dict[str, str]) -> None:
    """P-5: neither through its own session nor through ann's."""
    assert await psql(two_users, finishes.format(user="'ann'", **bobs)) == ""
    assert await psql(two_users, finishes.format(user="'ann'", **bobs | {"session": bobs["anns"]})) == ""
    assert await psql(two_users, finishes.format(user="'bob'", **bobs)) == "1"


async def test_a_user_does_not_outlive_a_transaction(world: World) -> None:
    """FACTS 5: the next user of the pool's connection has no rights."""
    await execute(world.database_url, "INSERT INTO chat_sessions (user_id, agent_name) VALUES ('ann', 'a')")
    database = await open_database(world.database_url)
    try:
        for _ in range(20):
            async with database.connection() as connection, connection.transaction():
                await connection.execute("SELECT set_config('turngate.user_id', 'ann', true)")
                assert await connection.fetchval("SELECT count(*) FROM chat_sessions") == 1
            async with database.connection() as connection:
                assert await connection.fetchval("SELECT count(*) FROM chat_sessions") == 0
    finally:
        await database.close()
