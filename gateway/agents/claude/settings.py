"""The settings of an agent of Claude Agent SDK."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.agents.python.settings import checked_target
from gateway.agents.settings import AgentBase


class ClaudeAgentSettings(AgentBase):
    """Claude, through Claude Agent SDK: with its own conversations and tools."""

    kind: Literal["claude"]
    model: str | None = Field(None, min_length=1, description="The model's name. Default: the SDK's.")
    instructions: str | None = Field(None, description="The system prompt; it never contains what users write.")
    target: Annotated[str, AfterValidator(checked_target)] | None = Field(
        None,
        description="Your own `ClaudeAgentOptions`, such as MCP servers and hooks, or a function of a turn that returns "
        "them: `package.module:object`. The other settings come on top.",
    )
    tools: tuple[str, ...] = Field((), description="The SDK's own tools that the model may see, such as `WebSearch`.")
    allowed_tools: tuple[str, ...] = Field(
        (), description="Tools that run without being asked about; all others are refused."
    )
    max_turns: int | None = Field(None, ge=1, description="Most calls of the model in one turn.")
    folder: str | None = Field(
        None,
        description="The working folder of tools. Default: an empty one for each turn, which is removed afterwards.",
    )
    base_url: str | None = Field(None, description="A server with Anthropic's API. Default: Anthropic's own.")
    api_key: SecretStr | None = Field(None, description="Default: the variable `ANTHROPIC_API_KEY`.")

    @property
    def estimates_cost(self) -> bool:
        return True
