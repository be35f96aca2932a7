"""A user with rows in every table that holds users' rows."""

from __future__ import annotations

from tests.world import Person, World, eventually

SESSIONS = "/api/chat/sessions"
TABLES = """
    SELECT c.oid::regclass::text AS name
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1
"""
BY_ERASING = frozenset({"erasures"})
"""Where a user stands only while being erased, and a minute longer."""
UNINDEXED = """
    SELECT FROM chat_messages AS m LEFT JOIN message_words AS w USING (chat_id, seq) WHERE m.deleted_at IS NULL AND w.seq IS NULL
"""
REST = (
    'UPDATE chat_messages SET parts = \'[{"type": "text", "text": "canary of parts"}]\' WHERE role = \'assistant\' AND user_id = $1',
    (
        "INSERT INTO message_versions (chat_id, seq, version, user_id, content, change, changed_by, changed_at)"
        " SELECT chat_id, 1, 1, user_id, 'canary of message_versions', 'edit', user_id, now() FROM chat_sessions WHERE user_id = $1"
    ),
    (
        "INSERT INTO session_states (chat_id, user_id, version, blackboard)"
        ' SELECT chat_id, user_id, 1, \'{"x": "canary of session_states"}\' FROM chat_sessions WHERE user_id = $1'
        " ON CONFLICT (chat_id) DO UPDATE SET blackboard = excluded.blackboard"
    ),
    (
        "INSERT INTO snapshots (chat_id, number, user_id, reason, blackboard, scratchpad, attributes, size_bytes, last_seq, hidden,"
        " created_at) SELECT chat_id, n, user_id, 'manual', '{\"x\": \"canary of snapshots\"}', '{}', '{}', 1, 1, '{}', now()"
        " FROM chat_sessions, generate_series(1, 12) AS n WHERE user_id = $1"
    ),
    (
        "INSERT INTO outbox (chat_id, turn_id, user_id, address, chunk, content, markup, state)"
        " SELECT chat_id, gen_random_uuid(), user_id, 'telegram:1:2:0', 1, 'canary of outbox', '', 'dead'"
        " FROM chat_sessions WHERE user_id = $1"
    ),
    (
        "INSERT INTO agent_data (agent_name, name, seq, chat_id, user_id, epoch, data)"
        " SELECT 'assistant', chat_id::text, n, chat_id, user_id, 1, 'canary of agent_data' FROM chat_sessions, generate_series(1, 2) AS n"
        " WHERE user_id = $1"
    ),
    (
        "INSERT INTO approvals (approval_id, chat_id, turn_id, seq, user_id, agent_name, approvers, prompt, choices, default_choice, call_id,"
        " tool, input, created_at) SELECT gen_random_uuid(), chat_id, gen_random_uuid(), 1, user_id, agent_name, 'user',"
        " 'canary of approvals', '{Yes,No}', 'No', '', '', '{}', now() FROM chat_sessions WHERE user_id = $1"
    ),
    (
        "INSERT INTO external_keys (user_id, external_key, chat_id)"
        " SELECT user_id, 'canary of external_keys', chat_id FROM chat_sessions WHERE user_id = $1 LIMIT 1"
    ),
    (
        "INSERT INTO recent_activity (user_id, chat_id, turn_id)"
        " SELECT DISTINCT ON (chat_id) user_id, chat_id, turn_id FROM turns WHERE user_id = $1"
        " ON CONFLICT (user_id, chat_id) DO UPDATE SET turn_id = excluded.turn_id"
    ),
    "INSERT INTO links (user_id, channel, external_id) VALUES ($1, 'telegram', 'canary of links ' || $1)",
    "INSERT INTO link_codes (digest, user_id, channel, expires_at) VALUES (sha256($1::text::bytea), $1, 'telegram', now() + interval '1 hour')",
    "INSERT INTO sign_in_codes (digest, user_id, role, expires_at) VALUES (sha256($1::text::bytea), $1, 'user', now() + interval '1 hour')",
    "INSERT INTO identified_visitors (visitor_id, user_id) VALUES ('canary of identified_visitors ' || $1, $1)",
    "INSERT INTO routes (user_id, route) VALUES ($1, 'canary of routes')",
    (
        "INSERT INTO usage_log (day, user_id, chat_id, agent_name, channel, model, turns, input_tokens, output_tokens)"
        " VALUES ('2026-03-01', $1, gen_random_uuid(), 'assistant', 'web', 'canary of usage_log', 1, 2, 3)"
    ),
    (
        "INSERT INTO usage_days (day, user_id, chat_id, agent_name, channel, model, turns, input_tokens, output_tokens, cost)"
        " SELECT '2026-03-01', $1, gen_random_uuid(), 'assistant', 'web', 'canary of usage_days ' || n, 1, 2, 3, 0.5"
        " FROM generate_series(1, 12) AS n"
    ),
    "INSERT INTO budget_days (day, user_id, agent_name, tokens, cost) VALUES ('2026-03-01', $1, '', 5, 0.5)",
)


async def settles(world: World, person: Person) -> str:
    """Gives the person rows in every table; returns the id of one of two sessions."""
    made = await person.posts(SESSIONS, 201, title="canary of chat_sessions", metadata={"course": 7})
    path = f"{SESSIONS}/{made['session_id']}"
    await person.posts(f"{path}/messages", 200, text="canary of chat_messages")
    await person.posts(f"{path}/messages", 200, text="canary of hidden")
    page = await person.gets(f"{path}/messages?limit=2")
    status, _ = await person.calls("DELETE", f"{path}/messages/{page['messages'][0]['id']}")
    assert status < 300
    other = await person.posts(SESSIONS, 201)
    await person.posts(f"{SESSIONS}/{other['session_id']}/messages", 200, text="hello")
    trigger = {"type": "cron", "expression": "0 8 * * *"}
    await person.posts("/api/schedules", 201, name="Morning", prompt="canary of schedules", trigger=trigger)
    await person.posts("/api/tokens", 201, name="canary of api_tokens")
    for statement in REST:
        await world.rows(statement, person.user)
    await all_are_indexed(world)
    return str(made["session_id"])


async def all_are_indexed(world: World) -> None:
    """Waits until every message is in the word index."""

    async def done() -> bool:
        return not await world.rows(UNINDEXED)

    await eventually(done)


async def rows_of(world: World, user: str) -> dict[str, int]:
    """The number of a user's rows in each table that holds users' rows."""
    names = {row["name"] for row in await world.rows(TABLES)} - BY_ERASING
    return {
        name: (await world.rows(f"SELECT count(*) AS many FROM {name} WHERE user_id = $1", user))[0]["many"]
        for name in sorted(names)
    }
