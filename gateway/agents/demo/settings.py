"""The settings of a demo agent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.agents.settings import AgentBase


class DemoAgentSettings(AgentBase):
    """Answers by itself, without a network; for trying things out."""

    kind: Literal["demo"]
    delay_s: float = Field(0, ge=0, le=60, description="Seconds between pieces of an answer.")
