"""The settings that every kind of agent has."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

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
    history_tokens: int | None = Field(
        None,
        ge=0,
        le=100_000_000,
        description="How many tokens these turns may have together; the oldest turns are left out. Default: any number.",
    )
    description: str | None = Field(None, max_length=500, description="Shown where users choose an agent.")
    apologies: bool = Field(
        False, description="Whether the history includes the gateway's apologies, whose `kind` is `apology`."
    )
    input_price: float | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="US dollars per million tokens of input, for turns whose cost is not reported; set `output_price` as well. "
        "Default: the price table (docs/usage.md).",
    )
    output_price: float | None = Field(None, ge=0, le=1_000_000, description="US dollars per million tokens of output.")
    cost_per_day: float | None = Field(
        None, gt=0, le=1_000_000_000, description="US dollars that its turns may cost per day, in UTC (docs/usage.md)."
    )
    tokens_per_day: int | None = Field(None, ge=1, description="Tokens that its turns may use per day.")
    approvers: Literal["user", "operator"] = Field(
        "user",
        description="Who may answer the agent's questions: the user of the conversation (and operators), or operators only.",
    )
    fallback: str | None = Field(
        None, description="The agent that answers a turn instead when this one has failed for good (docs/agents.md)."
    )
    breaker_failures: int | None = Field(
        None,
        ge=1,
        le=1_000,
        description="After so many failed attempts in a row, its turns fail at once, or go to its `fallback`. Default: never.",
    )
    breaker_pause_s: float = Field(
        30.0, gt=0, le=86_400, description="Seconds until one turn tries an agent that keeps failing again."
    )
    state: bool = Field(False, description="Whether the agent receives the session's state (docs/state.md).")

    @property
    def estimates_cost(self) -> bool:
        """Whether the costs that the agent reports are its library's estimates, which prices in the settings replace."""
        return False

    @property
    def price_source(self) -> str | None:
        """The URL of the models' provider, whose prices count; None: any provider of a model of that name."""
        return None

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together: set both or neither")
        return self
