"""The settings that every kind of agent has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.settings import SettingsGroup


class AgentBase(SettingsGroup):
    """Keys that every kind of agent has."""

    multitask_strategy: Literal["enqueue", "interrupt", "rollback", "reject"] = Field(
        "enqueue",
        description="What happens to a second message during a turn: it waits; it cancels the turn, whose answer so far "
        "is kept; it cancels the turn and withdraws its question and answer; it is refused.",
    )
    collect: bool = Field(False, description="Whether messages that queue up during a turn are answered together.")
    timeout_s: float | None = Field(None, gt=0, le=86_400, description="Overrides turns.timeout_s.")
    concurrency: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Most turns of this agent that run at the same time in one replica (docs/limits.md).",
    )
    title_agent: str | None = Field(None, description="The agent that titles its conversations. Default: this agent.")
    history: int = Field(20, ge=0, le=1_000, description="How many earlier turns the agent receives.")
    description: str | None = Field(None, max_length=500, description="Shown where users choose an agent.")
    apologies: bool = Field(
        False, description="Whether the history includes the gateway's apologies, whose `kind` is `apology`."
    )
    state: bool = Field(False, description="Whether the agent receives the session's state (docs/state.md).")
