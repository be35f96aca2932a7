"""Fills a database with COPY; what COPY would do row by row, such as the search index, is built afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import asyncpg

from bench.conversation import token_of
from bench.scale.plan import LONG, PROBES, Size
from bench.scale.rows import MESSAGE_COLUMNS, SESSION_COLUMNS, message_lines, sayings, session_line, talks, user_of

LINES = 5_000
"""Rows handed over at once."""
HELD_BACK = ("message_words_words", "session_titles_words", "chat_sessions_labels")
"""Indexes that are cheaper to make at the end."""
AFTERWARDS = """
INSERT INTO session_titles (chat_id, user_id, title) SELECT chat_id, user_id, title FROM chat_sessions;
INSERT INTO message_words (chat_id, seq, user_id, said_at, words)
SELECT chat_id, seq, user_id, created_at, search_words(user_id, content) FROM chat_messages;
INSERT INTO indexed_sessions (chat_id, user_id, seq) SELECT chat_id, user_id, last_seq FROM chat_sessions;
UPDATE search_progress SET looked_until = now(), rounds = 1
"""

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Loader:
    """`step`: announces the next step and its number of rows; returns a callback for progress."""

    url: str
    step: Callable[[str, int], Advance]

    async def load(self, size: Size) -> None:
        """Everything of one size, indexed, vacuumed and analysed."""
        connection = await asyncpg.connect(self.url)
        try:
            # Foreign keys hold by construction, and titles and words are entered all at once.
            await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
            made = [await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", name) for name in HELD_BACK]
            await connection.execute(f"DROP INDEX {', '.join(HELD_BACK)}")
            await self._copy(connection, size)
            done = self.step(f"{size.name}: titles, words", 1)
            await connection.execute(AFTERWARDS)
            done(1)
            for number, definition in enumerate(made):
                done = self.step(f"{size.name}: index {HELD_BACK[number]}", 1)
                await connection.execute(definition)
                done(1)
            done = self.step(f"{size.name}: vacuum, analyze", 1)
            await connection.execute("VACUUM ANALYZE")
            done(1)
        finally:
            await connection.close()

    async def _copy(self, connection: asyncpg.Connection, size: Size) -> None:
        advance = self.step(f"{size.name}: sessions", size.sessions)
        await _copied(connection, "chat_sessions", SESSION_COLUMNS, map(session_line, talks(size)), advance)
        said = sayings()
        advance = self.step(f"{size.name}: messages", size.messages + LONG)
        lines = (line for talk in talks(size) for line in message_lines(talk, said))
        await _copied(connection, "chat_messages", MESSAGE_COLUMNS, lines, advance)
        people = "".join(f"{user_of(number)}\tuser\t{token_of(user_of(number))}\n" for number in range(1, PROBES + 1))
        await connection.execute("CREATE TEMP TABLE people (user_id text, role text, token text)")
        source = people + f"operator\toperator\t{token_of('operator')}\n"
        await _copied(connection, "people", ("user_id", "role", "token"), iter([source]), lambda _: None)
        await connection.execute(
            "INSERT INTO api_tokens (user_id, digest, role)"
            " SELECT user_id, sha256(convert_to(token, 'UTF8')), role FROM people"
        )


async def _copied(
    connection: asyncpg.Connection, table: str, columns: Iterable[str], lines: Iterator[str], advance: Advance
) -> None:
    async def source() -> AsyncIterator[bytes]:
        while some := list(islice(lines, LINES)):
            yield "".join(some).encode()
            advance(len(some))
            await asyncio.sleep(0)

    await connection.copy_to_table(table, source=source(), columns=list(columns), format="text")
