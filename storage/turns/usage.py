"""Usage in Postgres: a log that turns append to, and sums by day."""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Record

from gateway.core.model import AgentName, ChannelName, SessionId, UserId
from gateway.core.ports.usage import Amount, Spent, UsageGroup, UsageQuery, UsageSummary, Used
from storage.database import Database, fetch_one
from storage.queries import load_queries

SQL = load_queries("usage")


@dataclass(frozen=True, slots=True)
class PostgresUsage:
    """`UsageStore` on Postgres."""

    database: Database

    async def summary(self, query: UsageQuery) -> UsageSummary:
        async with self.database.as_user(query.user_id) as connection:
            days = await fetch_one(connection, SQL["days"], query.since, query.until)
            period = (days["since"], days["until"], query.user_id)
            rows = await connection.fetch(SQL["groups"], *period, query.group_by, query.limit + 1)
            total = await fetch_one(connection, SQL["total"], *period)
        groups = tuple(map(_group, rows[: query.limit]))
        return UsageSummary(days["since"], days["until"], groups, _used(total), len(rows) > query.limit)

    async def spent_today(self, user_id: UserId, agent: AgentName) -> Spent:
        async with self.database.all_users() as connection:
            row = await fetch_one(connection, SQL["spent"], user_id, agent)
        return Spent(*(Amount(row[f"{of}_tokens"], row[f"{of}_cost"]) for of in ("user", "agent", "all")))

    async def add_up(self, limit: int) -> int:
        async with self.database.own_work() as connection:
            count: int = await connection.fetchval(SQL["add_up"], limit)
        return count

    async def forget_budgets(self) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["forget_budgets"])


def _used(row: Record) -> Used:
    return Used(row["turns"], row["input_tokens"], row["output_tokens"], row["cost"])


def _group(row: Record) -> UsageGroup:
    return UsageGroup(
        used=_used(row),
        session=None if row["session"] is None else SessionId(row["session"]),
        user=None if row["user"] is None else UserId(row["user"]),
        agent=None if row["agent"] is None else AgentName(row["agent"]),
        channel=None if row["channel"] is None else ChannelName(row["channel"]),
        model=row["model"],
        day=row["day"],
    )
