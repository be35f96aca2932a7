"""Search: Postgres ranks and limits (`migrations/0016`), the core makes excerpts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, cast
from uuid import UUID

from asyncpg import Record

from gateway.core.model import Role
from gateway.core.ports.sessions.search import FoundPage, FoundSession, Match
from gateway.core.ports.sessions.sessions import SessionFilter
from gateway.core.search.excerpts import excerpt, words_of
from gateway.errors import InvalidInput
from storage.connections import PooledConnection
from storage.database import Database
from storage.queries import load_queries
from storage.rows import message_id, to_session
from storage.sessions.sessions import metadata_columns

SQL = load_queries("search")
TITLE = 0
"""The `seq` of a title among matches: messages count from 1."""
MOST_OF_ONES_OWN, MOST_OF_EVERYBODYS = 1_000, 40
"""With fewer matches than that, a search reached none of its limits, nor that of a session that is not indexed yet."""

Place: TypeAlias = tuple[UUID, int]
Start: TypeAlias = tuple[float | None, datetime | None, UUID | None]


@dataclass(frozen=True, slots=True)
class PostgresSearch:
    """`SearchStore` on Postgres."""

    database: Database

    async def search(self, text: str, wanted: SessionFilter) -> FoundPage:
        if wanted.cursor is not None and wanted.offset:
            raise InvalidInput("cursor and offset cannot be used together.")
        start = _from_cursor(wanted.cursor)
        narrowed = (wanted.user_id, wanted.channel, wanted.agent, wanted.active, *metadata_columns(wanted))
        most = MOST_OF_EVERYBODYS if wanted.user_id is None else MOST_OF_ONES_OWN
        async with self.database.as_user(wanted.user_id) as connection:
            rows = await connection.fetch(
                SQL["find"], wanted.user_id is None, text, *narrowed, *start, wanted.limit + 1, wanted.offset
            )
            found = [row for row in rows if row["session"] is not None]
            page = found[: wanted.limit]
            said = await _said(connection, text, page)
        return FoundPage(
            sessions=tuple(_found_session(row, text, said) for row in page),
            total=None if wanted.cursor is not None else rows[0]["total"],
            total_is_exact=None if wanted.cursor is not None else rows[0]["matches"] < most,
            next_cursor=_to_cursor(page[-1]) if len(found) > wanted.limit else None,
        )


async def _said(connection: PooledConnection, text: str, page: Sequence[Record]) -> Mapping[Place, Record]:
    """Returns the messages that match in the page's sessions."""
    places = [(row["session"]["chat_id"], seq) for row in page for seq in row["places"] if seq != TITLE]
    if not places:
        return {}
    chat_ids, seqs = zip(*places, strict=True)
    rows = await connection.fetch(SQL["excerpts"], chat_ids, seqs, _beginning_of(words_of(text)))
    return {(row["chat_id"], row["seq"]): row for row in rows}


def _beginning_of(words: Sequence[str]) -> str:
    """A regular expression for words with one of these prefixes; they consist of letters, digits and underscores only."""
    return rf"\m({'|'.join(words)})" if words else ""


def _found_session(row: Record, text: str, said: Mapping[Place, Record]) -> FoundSession:
    session = to_session(row["session"], running=row["running"])
    chat_id: UUID = row["session"]["chat_id"]
    places = [seq for seq in row["places"] if seq == TITLE or (chat_id, seq) in said]
    return FoundSession(
        session,
        tuple(
            _in_title(session.title or "", text) if seq == TITLE else _in_message(said[chat_id, seq], text)
            for seq in places
        ),
    )


def _in_title(title: str, text: str) -> Match:
    shown = excerpt(title, text)
    return Match(None, None, None, shown.text, shown.highlights)


def _in_message(row: Record, text: str) -> Match:
    shown = excerpt(row["text"], text, cut=row["cut"])
    identity = message_id(row["chat_id"], row["seq"])
    return Match(identity, row["seq"], cast("Role", row["role"]), shown.text, shown.highlights)


def _to_cursor(row: Record) -> str:
    place = f"{row['rank']!r} {row['at'].isoformat()} {row['session']['chat_id']}"
    return base64.urlsafe_b64encode(place.encode()).decode()


def _from_cursor(cursor: str | None) -> Start:
    if cursor is None:
        return None, None, None
    try:
        rank, at, chat_id = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split(" ")
        return float(rank), datetime.fromisoformat(at).astimezone(UTC), UUID(chat_id)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise InvalidInput("cursor should be the next_cursor of an earlier page of the same search.") from error
