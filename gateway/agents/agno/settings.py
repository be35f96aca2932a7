"""The settings of an Agno agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.agents.python.settings import checked_target
from gateway.agents.settings import AgentBase


class AgnoAgentSettings(AgentBase):
    """An Agent, Team or Workflow of Agno."""

    kind: Literal["agno"]
    target: Annotated[str, AfterValidator(checked_target)] = Field(
        description="The Agent, Team or Workflow, or a function without arguments that returns it: `package.module:object`."
    )
    database: SecretStr | None = Field(
        None,
        description="URL of a Postgres database for the sessions of an object without a `db`. "
        "Default: it keeps nothing, and receives the history with each message.",
    )
