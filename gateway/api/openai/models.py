"""The JSON of answers below `/v1`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from gateway.api.models.common import Answer


class Model(Answer):
    """An agent."""

    id: str = Field(description="The agent's name.")
    object: Literal["model"]
    created: int
    owned_by: str

    @classmethod
    def named(cls, name: str) -> Self:
        """An agent as a model; when it was made is not known."""
        return cls(id=name, object="model", created=0, owned_by="turngate")


class Models(Answer):
    """All agents, the default one first."""

    object: Literal["list"]
    data: tuple[Model, ...]


class AssistantMessage(Answer):
    """What the agent said."""

    role: Literal["assistant"]
    content: str
    refusal: None


class Choice(Answer):
    """The one answer. `length`: its turn was cancelled, and this is what was said until then."""

    index: int
    message: AssistantMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class CompletionUsage(Answer):
    """Zeros when the agent does not tell."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Answer):
    """An answer. With `stream` it comes as events, `chat.completion.chunk` each, and `[DONE]`."""

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
    """An error, in OpenAI's shape."""

    error: ErrorDetails
