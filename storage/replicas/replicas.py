"""Live replicas, poll leases, the quarantine, and changes for followers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from asyncpg import Record

from gateway.core.events import TurnChanged
from gateway.core.lookback import LONGEST, FeedPosition
from gateway.core.model import ReplicaId, SessionId, TurnId, TurnStatus, UserId
from gateway.core.ports.live import Changes, Followed
from gateway.errors import StoreUnavailable
from storage.database import Database, fetch_one
from storage.migrating.origin import newest_migration
from storage.queries import load_queries
from storage.rows import to_message, to_session

SQL = load_queries("replicas")
RAW_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class PostgresReplicas:
    """`Replicas` on Postgres.

    `slot`: the slot this process runs in, which no other live process has; `newest_migration`: the newest one that this version knows.
    """

    database: Database
    replica_id: ReplicaId
    slot: str
    ttl: timedelta
    newest_migration: str = field(default_factory=newest_migration)

    async def beat(self) -> None:
        # A dead connection is given up early enough for another to renew the lease.
        patience = self.ttl.total_seconds() / 3
        async with self.database.own_work() as connection:
            if await connection.fetchval(SQL["beat"], self.replica_id, self.ttl, timeout=patience):
                return
            await connection.execute(SQL["forget"])
            who = (self.replica_id, self.slot, self.ttl, self.newest_migration)
            await connection.execute(SQL["join"], *who, timeout=patience)
            if await connection.fetchval(SQL["is_shut_out"], self.newest_migration, timeout=patience):
                raise StoreUnavailable(
                    "The database has been upgraded and needs a newer version of Turngate. Install it."
                )
            if not await connection.fetchval(SQL["beat"], self.replica_id, self.ttl, timeout=patience):
                raise StoreUnavailable("Another process took this replica's slot at the same time.")

    async def leave(self) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["leave"], self.replica_id)


@dataclass(frozen=True, slots=True)
class PostgresPollLeases:
    """`PollLeases` on Postgres; a lease lives as long as its replica."""

    database: Database
    replica_id: ReplicaId

    async def hold(self, account: str) -> bool:
        async with self.database.own_work() as connection:
            return bool(await connection.fetchval(SQL["hold"], account, self.replica_id))

    async def give_up(self, account: str) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["give_up"], account, self.replica_id)


async def is_polled(database: Database, account: str) -> bool:
    """Whether a live replica polls the account."""
    async with database.own_work() as connection:
        return bool(await connection.fetchval(SQL["is_held"], account))


@dataclass(frozen=True, slots=True)
class PostgresQuarantine:
    """`Quarantine` on Postgres."""

    database: Database

    async def keep(self, account: str, key: str, raw: str, reason: str) -> None:
        # Postgres text holds neither NUL nor lone surrogates, and odd input ends up here.
        readable = [
            text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:RAW_LIMIT]
            for text in (key, raw, reason)
        ]
        async with self.database.own_work() as connection:
            await connection.execute(SQL["quarantine"], account, *readable)


@dataclass(frozen=True, slots=True)
class PostgresChangeFeed:
    """`ChangeFeed` on Postgres, with one query per call. Turns of `replica_id` are announced where they run."""

    database: Database
    replica_id: ReplicaId

    async def changes(self, followed: Followed) -> Changes:
        async with self.database.own_work() as connection:
            row = await fetch_one(
                connection,
                SQL["changes"],
                followed.sessions,
                followed.users,
                followed.since or await connection.fetchval(SQL["ago"], LONGEST),
                followed.running,
                followed.everybody,
                self.replica_id,
            )
        return Changes(
            position=FeedPosition(row["now"], row["oldest"], row["next"]),
            last_seqs=tuple(
                (SessionId(session["session_id"]), UserId(session["user_id"]), session["last_seq"])
                for session in row["followed"]
            ),
            missing=tuple(SessionId(session_id) for session_id in row["missing"]),
            sessions=tuple(map(to_session, _each_once(row))),
            turns=_news(row["turns"]),
            changed=tuple(to_message(message) for message in [*row["dropped"], *row["changed"]]),
            cancelled=tuple(TurnId(turn_id) for turn_id in row["cancelled"]),
        )


def _each_once(row: Record) -> Iterable[Record]:
    """The sessions of all lists."""
    lists = (row["listed"], row["used"], row["everybodys"], row["used_by_anybody"])
    return {session["session_id"]: session for sessions in lists for session in sessions}.values()


def _news(turns: Sequence[Record]) -> tuple[TurnChanged, ...]:
    return tuple(
        TurnChanged(
            SessionId(str(turn["chat_id"])),
            UserId(turn["user_id"]),
            TurnId(turn["turn_id"]),
            cast("TurnStatus", turn["status"]),
            turn["attempt"],
            turn["reply_seq"],
        )
        for turn in sorted(turns, key=lambda turn: turn["seq"])
    )
