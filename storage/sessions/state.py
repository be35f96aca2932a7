"""States of sessions."""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Record

from gateway.core.model import ChatId, SessionId, State, UserId
from gateway.core.ports.sessions.state import StateWrite
from gateway.errors import NotFound, Stale, TooLarge
from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("state")
NO_SESSION = "There is no such session."


@dataclass(frozen=True, slots=True)
class PostgresStates:
    """`StateStore` on Postgres. `limit`: bytes of a state as JSON."""

    database: Database
    limit: int

    async def get(self, session_id: SessionId, user_id: UserId | None) -> State:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["get"], session_id)
        if row is None:
            raise NotFound(NO_SESSION)
        return State() if row["version"] is None else to_state(row, row["version"])

    async def of_turn(self, chat_id: ChatId, user_id: UserId) -> State:
        async with self.database.as_user(user_id) as connection:
            row = await connection.fetchrow(SQL["of_turn"], chat_id)
        return State() if row is None else to_state(row, row["version"])

    async def put(
        self, session_id: SessionId, user_id: UserId | None, write: StateWrite, versions: frozenset[int] | None
    ) -> State:
        expected = None if versions is None else list(versions)
        async with self.database.as_user(user_id) as connection:
            row = await fetch_one(
                connection,
                SQL["write"],
                session_id,
                expected,
                write.blackboard,
                write.scratchpad,
                write.attributes,
                self.limit,
            )
        match row["status"]:
            case "not_found":
                raise NotFound(NO_SESSION)
            case "stale":
                raise _stale(row["state"]["version"])
            case "too_large":
                raise TooLarge(
                    f"The state would be {row['size']} bytes as JSON; sessions.max_state allows {self.limit}. "
                    "Nothing was changed."
                )
            case _:
                return to_state(row["state"], row["state"]["version"])


def to_state(row: Record, version: int) -> State:
    """Returns the three objects of a row of `session_states` or `snapshots`."""
    return State(row["blackboard"], row["scratchpad"], row["attributes"], version)


def _stale(version: int) -> Stale:
    return Stale(
        f'The state has changed: its version is now "{version}". Nothing was written. Read it, apply your change to it, and '
        "write again with that ETag as If-Match.",
        version,
    )
