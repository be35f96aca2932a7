"""Snapshots of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from asyncpg import PostgresError, Record

from gateway.core.model import SessionId, State, UserId
from gateway.core.ports.sessions.state import (
    AskedReason,
    Restored,
    Snapshot,
    SnapshotNumber,
    SnapshotPage,
    SnapshotReason,
)
from gateway.errors import Conflict, NotFound, StoreUnavailable
from storage.database import Database, fetch_one
from storage.queries import load_queries
from storage.rows import message_id, to_message, to_session
from storage.sessions.state import NO_SESSION, to_state

SQL = load_queries("snapshots")
NO_SNAPSHOT = "There is no such snapshot."
ABOVE_ALL = 2**62
BATCH = 5
"""States saved in one transaction: a message to any of their sessions waits for all of them."""
DUE = 500
"""States saved in one run, at most."""
BELOW_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class PostgresSnapshots:
    """`SnapshotStore` on Postgres."""

    database: Database

    async def list(
        self, session_id: SessionId, user_id: UserId | None, limit: int, before: SnapshotNumber | None
    ) -> SnapshotPage:
        async with self.database.as_user(user_id) as connection:
            session = await connection.fetchrow(SQL["session"], session_id)
            if session is None:
                raise NotFound(NO_SESSION)
            below = ABOVE_ALL if before is None else before
            rows = await connection.fetch(SQL["page"], session["chat_id"], below, limit + 1)
        page = rows[:limit]
        older = SnapshotNumber(page[-1]["number"]) if len(rows) > limit else None
        return SnapshotPage(tuple(map(_to_snapshot, page)), older)

    async def get(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None
    ) -> tuple[Snapshot, State]:
        async with self.database.as_user(user_id) as connection:
            session = await connection.fetchrow(SQL["session"], session_id)
            if session is None:
                raise NotFound(NO_SESSION)
            row = await connection.fetchrow(SQL["get"], session["chat_id"], number)
        if row is None:
            raise NotFound(NO_SNAPSHOT)
        return _to_snapshot(row), to_state(row, version=0)

    async def take(self, session_id: SessionId, user_id: UserId | None, reason: AskedReason) -> tuple[Snapshot, bool]:
        async with self.database.as_user(user_id) as connection:
            row = await fetch_one(connection, SQL["take"], session_id, reason, reason == "page_close")
        if row["status"] == "not_found":
            raise NotFound(NO_SESSION)
        return _to_snapshot(row["snapshot"]), row["status"] == "made"

    async def restore(
        self, session_id: SessionId, user_id: UserId | None, number: SnapshotNumber | None, by: UserId, *, rewind: bool
    ) -> Restored:
        async with self.database.as_user(user_id) as connection:
            row = await fetch_one(connection, SQL["restore"], session_id, number, rewind, by)
        match row["status"]:
            case "not_found":
                raise NotFound(NO_SESSION)
            case "missing":
                raise NotFound(NO_SNAPSHOT)
            case "busy":
                raise Conflict(
                    "An answer is being written, so the transcript cannot be rewound now. Stop it or let it finish, "
                    "then try again."
                )
            case _:
                return _restored(row)

    async def save_changed(self, quiet: timedelta, every: timedelta) -> int:
        async with self.database.own_work() as connection:
            due = [row["chat_id"] for row in await connection.fetch(SQL["due"], quiet, every, DUE)]
        batches = [due[start : start + BATCH] for start in range(0, len(due), BATCH)]
        saved, failure = 0, None
        for batch in batches:
            try:
                saved += await self._save(batch, quiet, every)
            except (StoreUnavailable, PostgresError) as error:
                failure = error
                if len(batch) > 1 and isinstance(error, PostgresError):
                    # One of them cannot be saved: the others are tried alone.
                    batches.extend([chat] for chat in batch)
        if failure is not None:
            raise StoreUnavailable(
                f"{saved} of {len(due)} states were saved; the others will be saved later: {failure}"
            ) from failure
        return saved

    async def _save(self, chats: Sequence[UUID], quiet: timedelta, every: timedelta) -> int:
        async with self.database.own_work() as connection:
            saved: int = await connection.fetchval(SQL["save_due"], chats, quiet, every)
        return saved

    async def clean_up(self, keep: int, days: int) -> int:
        removed: int = 0
        reached = BELOW_ALL
        while True:
            async with self.database.own_work() as connection:
                row = await fetch_one(connection, SQL["clean_up"], keep, days, reached)
            removed += row["removed"]
            if row["reached"] is None:
                return removed
            reached = row["reached"]


def _to_snapshot(row: Record) -> Snapshot:
    seq: int | None = row["message_seq"]
    return Snapshot(
        session_id=SessionId(str(row["chat_id"])),
        number=SnapshotNumber(row["number"]),
        reason=cast("SnapshotReason", row["reason"]),
        size_bytes=row["size_bytes"],
        message_id=None if seq is None else message_id(row["chat_id"], seq),
        message_seq=seq,
        rewound=row["rewound"],
        created_at=row["created_at"],
    )


def _restored(row: Record) -> Restored:
    return Restored(
        number=SnapshotNumber(row["number"]),
        undo=SnapshotNumber(row["undo"]),
        state=to_state(row["state"], row["state"]["version"]),
        session=to_session(row["session"]) if row["rewound"] else None,
        changed=tuple(map(to_message, row["changed"] or ())),
    )
