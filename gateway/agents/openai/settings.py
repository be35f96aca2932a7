"""The settings of an agent at a server with OpenAI's API."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from gateway.agents.settings import AgentBase

OPENAI: Final = "https://api.openai.com/v1"


class OpenAIAgentSettings(AgentBase):
    """Any server with OpenAI's chat completions or Responses API."""

    kind: Literal["openai"]
    api: Literal["chat_completions", "responses"] = Field(
        "chat_completions",
        description="Which API is called: chat completions, which all such servers have, or the Responses API, which can show "
        "what a model is thinking.",
    )
    model: str = Field(min_length=1, description="The model's name on that server.")
    title_model: str | None = Field(
        None, min_length=1, description="The model that titles conversations, on the same server. Default: `model`."
    )
    base_url: str | None = Field(None, description="Default: OpenAI's own.")
    api_key: SecretStr | None = Field(None, description="Default: the variable OPENAI_API_KEY.")
    instructions: str | None = Field(None, description="The system prompt.")
    temperature: float | None = Field(None, ge=0, le=2, description="Passed to the server.")
    max_tokens: int | None = Field(None, ge=1, description="Passed to the server.")
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Field(
        None, description="Passed to the server."
    )
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = Field(
        None, description='Whether users see summaries of what the model is thinking; needs `api = "responses"`.'
    )
    context_tokens: int | None = Field(
        None,
        ge=256,
        le=100_000_000,
        description="The model's context window in tokens, its answer included; the history is cut to fit. Default: known "
        "for OpenAI's models, otherwise learned when the server refuses a request.",
    )
    metadata: bool = Field(
        False,
        description="Whether the model sees the metadata of the session and of the message, as data in a user message.",
    )

    @model_validator(mode="after")
    def _summaries_need_responses(self) -> Self:
        if self.reasoning_summary is not None and self.api != "responses":
            raise ValueError('reasoning_summary needs api = "responses"')
        return self

    @property
    def price_source(self) -> str | None:
        return self.base_url or OPENAI
