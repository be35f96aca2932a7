"""Finds the author's graph, and gives it a checkpointer if it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from gateway.agents.langgraph.settings import LangGraphAgentSettings
from gateway.agents.python.target import load_object, wrong_target
from gateway.core.model import AgentName

Graph: TypeAlias = Pregel[Any, Any, Any, Any]
"""A graph that can be run; its types are the author's."""
Saver: TypeAlias = BaseCheckpointSaver[Any]
Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]


def load_graph(name: AgentName, settings: LangGraphAgentSettings) -> Graph:
    """Raises `SettingsError` for a target that is no graph."""
    key = f"agents.{name}.target"
    found = load_object(key, settings.target)
    if callable(found) and not isinstance(found, Pregel | StateGraph):
        found = found()
    if isinstance(found, StateGraph):
        found = found.compile()
    if not isinstance(found, Pregel):
        raise wrong_target(key, settings.target, f"it is {type(found).__name__}; it should be a graph of LangGraph")
    return found


@dataclass(slots=True)
class Checkpoints:
    """Where a graph keeps its threads: with its own checkpointer, or in the database at `url`, opened at the first use."""

    graph: Graph
    url: str | None
    _pool: Pool | None = None

    async def opened(self) -> Saver | None:
        """Returns the checkpointer; None if the graph keeps nothing. Raises psycopg's errors."""
        if isinstance(self.graph.checkpointer, BaseCheckpointSaver):
            return self.graph.checkpointer
        if self.url is None:
            return None
        pool: Pool = AsyncConnectionPool(
            self.url,
            min_size=0,
            max_size=4,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": None, "row_factory": dict_row},
        )
        await pool.open()
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        self._pool = pool
        self.graph.checkpointer = saver
        return saver

    async def close(self) -> None:
        """Closes the connections that were opened here."""
        if self._pool is not None:
            await self._pool.close()
