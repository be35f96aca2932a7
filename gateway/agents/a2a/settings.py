"""The settings of an agent that speaks the Agent2Agent protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.agents.http.settings import plain_url, sendable
from gateway.agents.settings import AgentBase


class A2AAgentSettings(AgentBase):
    """An agent elsewhere that speaks the Agent2Agent protocol (A2A), over JSON-RPC or HTTP+JSON."""

    kind: Literal["a2a"]
    url: Annotated[str, AfterValidator(plain_url)] = Field(
        repr=False, description="Where its card is: `/.well-known/agent-card.json` is added."
    )
    headers: Annotated[dict[str, SecretStr], AfterValidator(sendable)] = Field(
        default_factory=dict, description="Sent with every request, such as `Authorization`. Values are kept secret."
    )
    allow_private: bool = Field(
        False, description="Whether the agent may have a private, loopback or otherwise internal address."
    )
    connect_s: float = Field(10, gt=0, le=600, description="Seconds until a connection is open.")
    idle_s: float = Field(
        120, gt=0, le=86_400, description="Seconds until an answer begins, and between two pieces of one."
    )
    max_answer: int = Field(10_485_760, ge=1_024, le=1_073_741_824, description="Bytes of an answer.")
