"""The word index: filled outside turns, complete whatever happens meanwhile, and never ahead of what may be found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest_asyncio

from gateway.core.model import UserId
from gateway.core.ports.sessions.word_index import Look, Progress, Reach
from gateway.core.search.indexing import Indexer
from storage.database import Database, open_database
from storage.sessions.word_index import PostgresWordIndex, lag
from tests.integration.turns.stores import HELLO, TERMS, Replica, answer, claimed
from tests.world import eventually

FIND = "SELECT seq FROM find_matches($1, $2, NULL, NULL, NULL, NULL, NULL) WHERE chat_id = $3 AND seq > 0 ORDER BY seq"
SAY = """
    INSERT INTO chat_messages (chat_id, seq, turn_seq, user_id, role, content, channel)
    SELECT s.chat_id, s.last_seq + n, s.last_seq + n, s.user_id, 'user', said, 'web'
    FROM chat_sessions AS s, unnest($2::text[]) WITH ORDINALITY AS m (said, n) WHERE s.chat_id = $1
"""
ACT = """
    UPDATE chat_sessions SET last_seq = last_seq + $2, last_message_at = now.at, listed_at = second_of(now.at)
    FROM (SELECT clock_timestamp() AS at) AS now WHERE chat_id = $1
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


@dataclass
class Place:
    """A database with a replica whose indexer runs on demand. `outsider`: a connection of everything else."""

    url: str
    database: Database
    replica: Replica
    outsider: asyncpg.Connection

    @property
    def index(self) -> PostgresWordIndex:
        return PostgresWordIndex(self.database, self.replica.id)

    async def says(self, chat_id: UUID, *texts: str, by: asyncpg.Connection | None = None) -> None:
        """Adds messages to a session."""
        connection = by or self.outsider
        await connection.execute(SAY, chat_id, list(texts))
        await connection.execute(ACT, chat_id, len(texts))

    async def begins(self, user: str, *texts: str) -> UUID:
        """A new session with that message."""
        chat_id: UUID = await self.outsider.fetchval(
            "INSERT INTO chat_sessions (user_id, agent_name) VALUES ($1, 'assistant') RETURNING chat_id", user
        )
        await self.says(chat_id, *texts)
        return chat_id

    async def found(self, chat_id: UUID, text: str = "canary", user: str | None = "mia") -> list[int]:
        """The messages of a session that contain the words, by `seq`."""
        return [row["seq"] for row in await self.outsider.fetch(FIND, user, text, chat_id)]

    async def indexed(self, chat_id: UUID) -> list[int]:
        """The messages of a session that have words in the index."""
        query = "SELECT seq FROM message_words WHERE chat_id = $1 ORDER BY seq"
        return [row["seq"] for row in await self.outsider.fetch(query, chat_id)]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """Another connection."""
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def somebody_waits(self) -> None:
        """Returns once a transaction waits for another."""
        await eventually(lambda: self.outsider.fetchval(WAITING))


@pytest_asyncio.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    """Holds an old, indexed message of Mia's that says `canary`: while a word matches, similarity is not tried."""
    database, outsider = await open_database(database_url), await asyncpg.connect(database_url)
    there = Place(database_url, database, Replica(database, "one"), outsider)
    await there.replica.life.beat()
    await there.begins("mia", "the first canary")
    await Indexer(there.index, 1).work()
    yield there
    await outsider.close()
    await database.close()


async def test_a_turn_writes_no_words_and_is_found_at_once(place: Place) -> None:
    """T1 and T2 touch neither the word table nor a text index; a search reads messages that are not indexed yet."""
    said = replace(HELLO, user_id=UserId("mia"), text="a canary")
    turn = claimed(await place.replica.turns.accept(said, TERMS))
    await place.replica.turns.finish(turn, answer("another canary"))
    chat_id = UUID(turn.session_id)
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([], [1, 2])
    over_texts = "SELECT indexname FROM pg_indexes WHERE tablename = 'chat_messages' AND indexdef ~ 'gin|content'"
    assert await place.outsider.fetch(over_texts) == []


async def test_the_indexer_enters_everything_once(place: Place) -> None:
    """The index then finds the same messages, for the user and for an operator; nobody else finds them."""
    chat_id = await place.begins("mia", *(f"canary {number}" for number in range(5)))
    indexer = Indexer(place.index, 1)
    for _ in range(2):
        await indexer.work()
        assert await place.indexed(chat_id) == [1, 2, 3, 4, 5]
    assert await place.found(chat_id) == await place.found(chat_id, user=None) == [1, 2, 3, 4, 5]
    assert await place.found(chat_id, user="tom") == []
    await place.says(chat_id, "one more canary")
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])


async def test_a_late_commit_is_found_and_indexed(place: Place) -> None:
    """Its transaction began before others, and ends after the indexer has indexed those and saved its position."""
    late, prompt = await place.begins("mia"), await place.begins("mia")
    indexer = Indexer(place.index, 1)
    async with place.connected() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await place.says(late, "a late canary", by=slow)
        await place.says(prompt, "a prompt canary")
        await indexer.work()
        await indexer.work()
        assert (await place.indexed(late), await place.indexed(prompt)) == ([], [1])
        await transaction.commit()
    assert await place.found(late) == [1]
    await indexer.work()
    assert await place.indexed(late) == [1]


async def test_an_edit_in_progress_keeps_the_old_words_out_of_the_index(place: Place) -> None:
    """The session is skipped until the edit is committed; then only its new words are entered."""
    chat_id = await place.begins("mia", "a canary")
    indexer = Indexer(place.index, 1)
    async with place.connected() as editor:
        transaction = editor.transaction()
        await transaction.start()
        await editor.execute("UPDATE chat_messages SET content = 'a sparrow' WHERE chat_id = $1", chat_id)
        # The session's row is new in the editor's transaction, so an index that begins meanwhile would wait for it.
        looking = asyncio.create_task(indexer.work())
        await place.somebody_waits()
        assert await place.indexed(chat_id) == []
        await transaction.commit()
        await looking
    await indexer.work()
    assert await place.indexed(chat_id) == [1]
    assert (await place.found(chat_id), await place.found(chat_id, "sparrow")) == ([], [1])


async def test_an_edit_waits_for_indexing_in_progress(place: Place) -> None:
    """And replaces the words in its own commit."""
    chat_id = await place.begins("mia", "a canary")
    look = "SELECT * FROM look_for_words($1, NULL, '2 minutes', NULL, 0)"
    await place.outsider.execute(look, place.replica.id)
    async with place.connected() as indexing:
        transaction = indexing.transaction()
        await transaction.start()
        await indexing.execute("SELECT * FROM index_words($1, 100, false)", [chat_id])
        edit = "UPDATE chat_messages SET content = 'a sparrow' WHERE chat_id = $1"
        async with place.connected() as editor:
            editing = asyncio.create_task(editor.execute(edit, chat_id))
            await place.somebody_waits()
            await transaction.commit()
            await editing
    assert await place.indexed(chat_id) == [1]
    assert (await place.found(chat_id), await place.found(chat_id, "sparrow")) == ([], [1])


async def test_words_are_removed_in_the_same_commit_as_their_message(place: Place) -> None:
    """Hidden, deleted, removed, or removed with the session; a restored message restores its words."""
    chat_id = await place.begins("mia", *(f"canary {number}" for number in range(4)))
    await Indexer(place.index, 1).work()
    hide = "UPDATE chat_messages SET deleted_at = $3 WHERE chat_id = $1 AND seq = $2"
    await place.outsider.execute(hide, chat_id, 1, datetime.now(UTC))
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([2, 3, 4], [2, 3, 4])
    await place.outsider.execute(hide, chat_id, 1, None)
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([1, 2, 3, 4], [1, 2, 3, 4])
    await place.outsider.execute("DELETE FROM chat_messages WHERE chat_id = $1 AND seq <= 2", chat_id)
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([3, 4], [3, 4])
    await place.outsider.execute("DELETE FROM chat_sessions WHERE chat_id = $1", chat_id)
    assert (await place.indexed(chat_id), await place.found(chat_id)) == ([], [])


async def test_a_fork_of_thousands_is_indexed_and_its_newest_are_found_at_once(place: Place) -> None:
    """Beyond a session's newest thousand, messages are found once they are indexed."""
    chat_id = await place.begins("mia", *(f"canary {number}" for number in range(2_500)))
    assert await place.found(chat_id) == list(range(1_501, 2_501))
    await Indexer(place.index, 1).work()
    assert await place.found(chat_id) == list(range(1, 2_501))


async def test_two_indexers_at_once_do_no_harm(place: Place) -> None:
    """Both believe they lead, as after a false death: each message is entered once, and none is left out."""
    talks = [await place.begins("mia", *("a canary",) * 20) for _ in range(30)]
    for _ in range(5):
        await asyncio.gather(*(Indexer(place.index, 1).work() for _ in range(3)))
        for chat_id in talks:
            await place.says(chat_id, "another canary")
    await Indexer(place.index, 1).work()
    for chat_id in talks:
        assert await place.indexed(chat_id) == list(range(1, 26))


async def test_another_replica_takes_over_from_a_dead_indexer(place: Place) -> None:
    """Not before: while the first one lives, the second leaves the work to it."""
    second = Replica(place.database, "two")
    await second.life.beat()
    heir = Indexer(PostgresWordIndex(place.database, second.id), 1)
    chat_id = await place.begins("mia", "a canary")
    assert await heir.work() is None
    assert await place.indexed(chat_id) == []
    await place.replica.life.leave()
    await heir.work()
    assert await place.indexed(chat_id) == [1]
    assert await Indexer(place.index, 1).work() is None


async def test_a_text_that_postgres_refuses_does_not_block_others(place: Place) -> None:
    """It is entered without words and named; the rest of the batch is indexed, and its session continues."""
    await place.outsider.execute(
        """
        ALTER FUNCTION search_words RENAME TO harmless_words;
        CREATE FUNCTION search_words(p_user text, p_text text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            IF p_text LIKE '%poison%' THEN
                RAISE EXCEPTION 'string is too long for tsvector' USING ERRCODE = 'program_limit_exceeded';
            END IF;
            RETURN harmless_words(p_user, p_text);
        END $$
        """
    )
    chat_id = await place.begins("mia", "a canary", "poison", "another canary")
    [session] = (await _looked(place)).sessions
    done = await place.index.index([session], 100)
    assert (done.messages, list(done.refused), list(done.remaining)) == (3, [f"{chat_id}.2"], [])
    await place.says(chat_id, "one more canary")
    await Indexer(place.index, 1).work()
    assert await place.found(chat_id) == [1, 3, 4]
    await place.outsider.execute("UPDATE chat_messages SET content = 'more poison' WHERE seq = 1")
    assert await place.found(chat_id) == [3, 4]


async def _looked(place: Place) -> Look:
    look = await place.index.look(Progress(), Reach(timedelta(minutes=2), 0))
    assert look is not None
    return look


async def test_a_full_pass_indexes_messages_that_were_missed(place: Place) -> None:
    """Such as messages from before the index, or from a writer that records no session activity."""
    chat_id = await place.begins("mia", "an old canary")
    await place.outsider.execute(
        "UPDATE chat_sessions SET last_message_at = now() - interval '1 year', listed_at = now() - interval '1 year'"
    )
    assert await place.found(chat_id) == []
    await Indexer(place.index, 1).work()
    assert await place.found(chat_id) == [1]


async def test_an_idle_indexer_only_reads(place: Place) -> None:
    """One statement that writes nothing: the cost of an idle replica."""
    indexer = Indexer(place.index, 1)
    await indexer.work()
    await indexer.work()
    written = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
    async with place.connected() as connection, connection.transaction():
        await connection.execute("SELECT * FROM look_for_words($1, now(), '5 seconds', NULL, 0)", place.replica.id)
        assert await connection.fetchval(written) == 0


async def test_the_lag_is_reported(place: Place) -> None:
    """How long ago everything was indexed, and whether a live replica is indexing."""
    indexer = Indexer(place.index, 1)
    await indexer.work()
    await indexer.work()
    seen = await lag(place.database)
    assert (seen.behind < timedelta(minutes=1), seen.has_indexer) == (True, True)
    await place.replica.life.leave()
    assert not (await lag(place.database)).has_indexer


async def test_the_application_sees_only_its_users_words(place: Place) -> None:
    """P-5: words are texts, too."""
    async with place.connected() as connection:
        await connection.execute("SET ROLE turngate_app")
        for user, seen in (("", 0), ("tom", 0), ("mia", 1)):
            await connection.execute("SELECT set_config('turngate.user_id', $1, false)", user)
            assert await connection.fetchval("SELECT count(*) FROM message_words") == seen
