"""The settings of an agent at a server of chat completions."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from gateway.agents.settings import AgentBase


class OpenAIAgentSettings(AgentBase):
    """Any server with OpenAI's chat completions API."""

    kind: Literal["openai"]
    model: str = Field(min_length=1, description="The model's name on that server.")
    title_model: str | None = Field(
        None, min_length=1, description="The model that titles conversations, on the same server. Default: `model`."
    )
    base_url: str | None = Field(None, description="Default: OpenAI's own.")
    api_key: SecretStr | None = Field(None, description="Default: the variable OPENAI_API_KEY.")
    instructions: str | None = Field(None, description="The system prompt.")
    temperature: float | None = Field(None, ge=0, le=2, description="Passed to the server.")
    max_tokens: int | None = Field(None, ge=1, description="Passed to the server.")
    context_tokens: int | None = Field(
        None,
        ge=256,
        le=100_000_000,
        description="The model's context window in tokens, its answer included; the history is cut to fit. Default: known "
        "for OpenAI's models, otherwise learned when the server refuses a request.",
    )
    input_price: float | None = Field(
        None, ge=0, le=1_000_000, description="US dollars per million tokens of input; set `output_price` as well."
    )
    output_price: float | None = Field(None, ge=0, le=1_000_000, description="US dollars per million tokens of output.")
    metadata: bool = Field(
        False,
        description="Whether the model sees the metadata of the session and of the message, as data in a user message.",
    )

    @model_validator(mode="after")
    def _both_prices(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together: set both or neither")
        return self
