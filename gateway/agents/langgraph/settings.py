"""The settings of a LangGraph agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.agents.python.settings import checked_target
from gateway.agents.settings import AgentBase


class LangGraphAgentSettings(AgentBase):
    """A graph of LangGraph whose state has `messages`."""

    kind: Literal["langgraph"]
    target: Annotated[str, AfterValidator(checked_target)] = Field(
        description="The graph, compiled or not, or a function without arguments that returns it: `package.module:object`."
    )
    checkpoints: SecretStr | None = Field(
        None,
        description="URL of a Postgres database for the checkpoints of a graph that was compiled without a checkpointer. "
        "Default: the graph keeps nothing, and receives the history with each message.",
    )
    recursion_limit: int = Field(25, ge=1, le=10_000, description="Most steps of the graph in one turn.")
