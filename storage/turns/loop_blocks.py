"""Which agents blocked the event loop of their gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.model import AgentName
from gateway.core.ports.loop_blocks import LoopBlock
from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("loop_blocks")


@dataclass(frozen=True, slots=True)
class PostgresLoopBlocks:
    """`LoopBlocks` on Postgres."""

    database: Database

    async def note(self, agent: AgentName, seconds: float, place: str) -> None:
        async with self.database.own_work() as connection:
            await connection.execute(SQL["note"], agent, seconds, place)

    async def recent(self) -> Sequence[LoopBlock]:
        async with self.database.own_work() as connection:
            rows = await connection.fetch(SQL["recent"])
        return [LoopBlock(AgentName(row["agent_name"]), row["seconds"], row["place"], row["noted_at"]) for row in rows]
