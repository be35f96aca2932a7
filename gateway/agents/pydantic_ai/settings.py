"""The settings of an agent of Pydantic AI."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.agents.python.settings import checked_target
from gateway.agents.settings import AgentBase

OF_A_MODEL = ("instructions", "base_url", "api_key", "mcp")


class PydanticAIAgentSettings(AgentBase):
    """An `Agent` of Pydantic AI: your own object, or one made from a model and instructions."""

    kind: Literal["pydantic_ai"]
    target: str | None = Field(None, description="Your agent: `package.module:object`. Either this or `model`.")
    model: str | None = Field(
        None, min_length=1, description="A model by Pydantic AI's name for it, such as `openai:gpt-5-mini`."
    )
    instructions: str | None = Field(None, description="The model's instructions.")
    base_url: str | None = Field(
        None, description="A server with OpenAI's chat completions API. Default: the model provider's own."
    )
    api_key: SecretStr | None = Field(None, description="For OpenAI's API. Default: the provider's own variable.")
    mcp: tuple[str, ...] = Field((), description="URLs of MCP servers whose tools the model may use.")

    @field_validator("target")
    @classmethod
    def _names_an_object(cls, value: str | None) -> str | None:
        return None if value is None else checked_target(value)

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.target is None) == (self.model is None):
            raise ValueError("needs either target, your own agent, or model, the name of a model")
        misplaced = [key for key in OF_A_MODEL if getattr(self, key)] if self.target is not None else []
        if misplaced:
            raise ValueError(f"{misplaced[0]} goes with model: an agent given as target has its own")
        return self

    @property
    def estimates_cost(self) -> bool:
        return True
