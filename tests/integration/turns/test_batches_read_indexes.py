"""A batch finds its rows by the right index, whatever the planner knew when it made the plan."""

from __future__ import annotations

from tests.integration.turns.plain_turns import ACCEPT, FINISH, PEOPLE, SCANS, Connected, accepting, finishing, said
from tests.integration.turns.stores import Replica, claimed

OLD = 100
"""Sessions and messages of each user, from before."""
MOST_ROWS = 8
"""Of a session, in one batch: its lock, its conditions, its update, and the foreign keys of what is inserted."""
OLD_SESSIONS = """
    INSERT INTO chat_sessions (user_id, channel, agent_name)
    SELECT person, 'web', 'assistant' FROM unnest($1::text[]) AS person, generate_series(1, $2)
"""
OLD_MESSAGES = """
    INSERT INTO chat_messages (chat_id, seq, user_id, role, content, channel, turn_seq, client_id)
    SELECT chat_id, last_seq + 1, user_id, 'user', 'hello', 'web', last_seq + 1, 'old' FROM chat_sessions WHERE last_seq = 0
"""
READ = "SELECT relname, idx_tup_fetch FROM pg_stat_user_tables WHERE relname IN ('chat_sessions', 'chat_messages')"


async def test_a_batch_reads_through_indexes_only(replica: Replica, owner: Connected) -> None:
    """Whatever the planner thinks of tables as small as these, and of values it does not know."""
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    assert await scanned(owner, ACCEPT, accepting("k1")) == []
    turns = [claimed(one) for one in await said(replica, "k1")]
    assert await scanned(owner, FINISH, finishing(replica, turns)) == []


async def test_a_batch_reads_no_rows_of_earlier_conversations(replica: Replica, owner: Connected) -> None:
    """The plan was made while the tables were nearly empty; by now, each user has a hundred other sessions and messages."""
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    first = [claimed(one) for one in await said(replica, "k1")]
    assert len(await owner.fetch(FINISH, *finishing(replica, first))) == len(PEOPLE)
    assert await scanned(owner, ACCEPT, accepting("k2")) == []
    await owner.execute(OLD_SESSIONS, PEOPLE, OLD)
    await owner.execute(OLD_MESSAGES)
    before = await rows_read(owner)
    assert len(await owner.fetch(ACCEPT, *accepting("k2"))) == len(PEOPLE)
    after = await rows_read(owner)
    assert after["chat_messages"] == before["chat_messages"]
    assert after["chat_sessions"] - before["chat_sessions"] <= MOST_ROWS * len(PEOPLE)


async def rows_read(owner: Connected) -> dict[str, int]:
    """How many rows this connection has read through indexes so far, by table."""
    await owner.execute("SELECT pg_stat_force_next_flush()")
    return {row["relname"]: row["idx_tup_fetch"] for row in await owner.fetch(READ)}


async def scanned(owner: Connected, query: str, values: tuple[object, ...]) -> list[object]:
    """The tables that a batch of six reads as a whole; it is taken back."""
    transaction = owner.transaction()
    await transaction.start()
    assert len(await owner.fetch(query, *values)) == len(PEOPLE)
    scans: list[object] = list(await owner.fetch(SCANS))
    await transaction.rollback()
    return scans
