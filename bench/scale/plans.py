"""The plans that Postgres makes for the gateway's own statements, including those inside functions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from bench.scale.plan import DEPTH, LONG
from bench.scale.rows import user_of, word
from storage.connections import set_codecs
from storage.database import BEGIN_AS
from storage.identity import APP_ROLE, SYSTEM_ROLE
from storage.queries import load_queries
from storage.sessions.sessions import FEW, MOST_COUNTED

WATCHED = frozenset({"chat_messages", "chat_sessions", "indexed_sessions", "message_words", "session_titles"})
SCANS = frozenset({"Seq Scan", "Sample Scan"})
TELL = """
    LOAD 'auto_explain';
    SET auto_explain.log_min_duration = 0;
    SET auto_explain.log_nested_statements = on;
    SET auto_explain.log_format = json;
    SET client_min_messages = log;
"""
ANY = (None, None, None, None, None)
"""Neither channel nor agent, activity or metadata."""


async def sequential_scans(url: str, long: UUID) -> tuple[int, list[str]]:
    """The number of plans checked, and a line for each that reads a whole table of sessions or messages."""
    plans: list[dict[str, Any]] = []

    def keep(_connection: object, message: Any) -> None:
        _, _, plan = message.message.partition("plan:\n")
        if plan:
            plans.append(orjson.loads(plan))

    for role, user in ((APP_ROLE, user_of(1)), (SYSTEM_ROLE, None)):
        connection = await asyncpg.connect(url)
        try:
            await set_codecs(connection)
            await connection.execute(TELL)
            await connection.execute(f"SET ROLE {role}")
            connection.add_log_listener(keep)
            for statement, values in _statements(user, long):
                async with connection.transaction():
                    await connection.execute(BEGIN_AS, user or "")
                    await connection.fetch(statement, *values)
        finally:
            connection.remove_log_listener(keep)
            await connection.close()
    return len(plans), [f"{table}: {plan['Query Text'].strip()}" for plan in plans for table in _scanned(plan["Plan"])]


def _statements(user: str | None, long: UUID) -> Iterator[tuple[str, tuple[object, ...]]]:
    sessions, search = load_queries("sessions"), load_queries("search")
    for channel in (None, "telegram"):
        narrowed = (user, channel, *ANY[1:])
        yield sessions["list"], (*narrowed, None, None, 51, 0)
        yield sessions["list"], (*narrowed, datetime(2025, 12, 31, tzinfo=UTC), long, 51, 0)
        if user is None:
            yield sessions["count_newest"], (*narrowed, MOST_COUNTED)
        else:
            yield sessions["count"], narrowed
    yield sessions["labelled" if user is None else "labelled_own"], (["course"], ["7"], FEW)
    yield sessions["list_among"], ([long], None, None, None, False, None, None, 51, 0)
    yield sessions["get"], (str(long),)
    yield sessions["page"], (long, 2**62, 51)
    yield sessions["page"], (long, LONG - DEPTH, 51)
    for text in (word(0), word(900), word(40_000), f"{word(20)} {word(10)[:3]}", f"{word(40_000)}xy"):
        yield search["find"], (user is None, text, user, *ANY, None, None, None, 51, 0)
    yield search["excerpts"], ([long] * 2, [5, 50_000], rf"\m({word(0)})")


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] in SCANS and node.get("Relation Name") in WATCHED:
        yield str(node["Relation Name"])
    for inner in node.get("Plans", ()):
        yield from _scanned(inner)
