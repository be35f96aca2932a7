"""The JSON of responses below `/v1`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from gateway.api.models.common import Answer


class Model(Answer):
    """An agent, as a model."""

    id: str = Field(description="The agent's name.")
    object: Literal["model"]
    created: int
    owned_by: str

    @classmethod
    def named(cls, name: str) -> Self:
        """An agent as a model; its creation time is unknown."""
        return cls(id=name, object="model", created=0, owned_by="turngate")


class Models(Answer):
    """All agents, the default one first."""

    object: Literal["list"]
    data: tuple[Model, ...]


class AssistantMessage(Answer):
    """The agent's message."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(Answer):
    """The only choice. `length`: its turn was cancelled, and this is the partial answer."""

    index: int
    message: AssistantMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class CompletionUsage(Answer):
    """Token counts; zeros if the agent reports none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Answer):
    """An answer. With `stream` it arrives as `chat.completion.chunk` events, followed by `[DONE]`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: CompletionUsage


class ErrorDetails(Answer):
    """What happened and what to do about it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiError(Answer):
    """An error in OpenAI's format."""

    error: ErrorDetails
