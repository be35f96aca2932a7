"""What agents keep, for suites that run without a gateway: every attempt counts as completed for the next turn."""

from __future__ import annotations

from gateway.core.model import AgentName, Turn
from gateway.core.ports.agent_data import AgentDatum


class KeptData:
    """`AgentDataStore` in memory, which outlives agent objects."""

    def __init__(self) -> None:
        self._rows: dict[tuple[AgentName, str], list[AgentDatum]] = {}

    async def read(self, agent: AgentName, name: str, turn: Turn) -> AgentDatum | None:
        rows = self._rows.get((agent, name), [])
        return next((row for row in reversed(rows) if row.turn_id != turn.turn_id), None)

    async def write(self, agent: AgentName, name: str, turn: Turn, data: str, base: AgentDatum | None) -> bool:
        self._rows[agent, name] = [*([] if base is None else [base]), AgentDatum(data, turn.seq, turn.turn_id)]
        return True

    async def copy(self, agent: AgentName, name: str, copy: str) -> bool:
        rows = self._rows.get((agent, name), [])
        self._rows[agent, copy] = [AgentDatum(row.data, row.seq, None) for row in rows[-1:]]
        return bool(rows)

    async def delete(self, agent: AgentName, name: str) -> None:
        self._rows.pop((agent, name), None)
