"""What agents keep for their own frameworks."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from gateway.core.model import AgentName, Turn, TurnId
from gateway.core.ports.agent_data import LARGEST_DATA, AgentDatum
from gateway.errors import TooLarge
from storage.database import Database
from storage.queries import load_queries

SQL = load_queries("agent_data")


@dataclass(frozen=True, slots=True)
class PostgresAgentData:
    """`AgentDataStore` on Postgres: one statement for each call."""

    database: Database

    async def read(self, agent: AgentName, name: str, turn: Turn) -> AgentDatum | None:
        rows = await self.database.fetch(SQL["read"], turn.user_id, agent, name, turn.turn_id)
        if not rows:
            return None
        turn_id = rows[0]["turn_id"]
        return AgentDatum(rows[0]["data"], rows[0]["seq"], None if turn_id is None else TurnId(turn_id))

    async def write(self, agent: AgentName, name: str, turn: Turn, data: str, base: AgentDatum | None) -> bool:
        if (size := len(data.encode())) > LARGEST_DATA:
            raise TooLarge(f"The agent's data would be {size} bytes; {LARGEST_DATA} are allowed. Nothing was kept.")
        place = (turn.seq, turn.turn_id, turn.chat_id, turn.epoch)
        try:
            rows = await self.database.fetch(
                SQL["write"], turn.user_id, agent, name, *place, data, None if base is None else base.seq
            )
        except asyncpg.ForeignKeyViolationError:  # the session was deleted at this moment
            return False
        return bool(rows and rows[0]["kept"])

    async def copy(self, agent: AgentName, name: str, copy: str) -> bool:
        async with self.database.all_users() as connection:
            return bool(await connection.fetchval(SQL["copy"], agent, name, copy))

    async def delete(self, agent: AgentName, name: str) -> None:
        async with self.database.all_users() as connection:
            await connection.execute(SQL["delete"], agent, name)
