"""The settings of an agent that is your own Python."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.agents.settings import AgentBase


class PythonAgentSettings(AgentBase):
    """Your own async function or generator."""

    kind: Literal["python"]
    target: str = Field(pattern=r"^[\w.]+:[\w.]+$", description="`package.module:object`")
