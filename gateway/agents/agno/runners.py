"""Finds the author's object, and gives it a database if it has none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from agno.agent import Agent
from agno.db.base import AsyncBaseDb, BaseDb
from agno.db.postgres import AsyncPostgresDb
from agno.team import Team
from agno.workflow import Workflow
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.agents.agno.settings import AgnoAgentSettings
from gateway.agents.python.target import load_object, wrong_target
from gateway.core.model import AgentName

Runner: TypeAlias = Agent | Team | Workflow

os.environ.setdefault("AGNO_TELEMETRY", "false")  # members of teams and steps have switches of their own


def load_runner(name: AgentName, settings: AgnoAgentSettings) -> Runner:
    """Raises `SettingsError` for a target that Agno cannot run."""
    key = f"agents.{name}.target"
    found = load_object(key, settings.target)
    if callable(found) and not isinstance(found, Runner):
        found = found()
    if not isinstance(found, Runner):
        raise wrong_target(
            key, settings.target, f"it is {type(found).__name__}; it should be an Agent, Team or Workflow of Agno"
        )
    found.telemetry = False
    _remember(found, settings.history)
    return found


def _remember(runner: Runner, history: int) -> None:
    """Unless its author has decided how much of the session it is told."""
    if isinstance(runner, Workflow):
        if not runner.add_workflow_history_to_steps:
            runner.add_workflow_history_to_steps, runner.num_history_runs = history > 0, history
    elif not runner.add_history_to_context:
        runner.add_history_to_context, runner.num_history_runs = history > 0, history


@dataclass(frozen=True, slots=True)
class Sessions:
    """Where a runner keeps its sessions: its own database, or `opened`, which belongs to the gateway."""

    runner: Runner
    opened: AsyncPostgresDb | None

    @classmethod
    def of(cls, runner: Runner, url: str | None) -> Sessions:
        """Connects at the first use."""
        if url is None or runner.db is not None:
            return cls(runner, None)
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=4,
            max_overflow=4,
            pool_pre_ping=True,
            connect_args={"prepare_threshold": None},
        )
        opened = AsyncPostgresDb(db_engine=engine)
        runner.db = opened
        return cls(runner, opened)

    @property
    def kept(self) -> bool:
        return self.runner.db is not None

    async def drop_runs(self, run_ids: Iterable[str]) -> None:
        """Removes what earlier attempts have kept."""
        db = self.runner.db
        for run_id in run_ids:
            if isinstance(db, AsyncBaseDb):
                await db.delete_run(run_id)
            elif isinstance(db, BaseDb):
                db.delete_run(run_id)

    async def close(self) -> None:
        """Closes the connections that were opened here."""
        if self.opened is not None:
            await self.opened.close()
