"""OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import cast

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import Response, ResponseInputParam, ResponseStreamEvent
from openai.types.shared_params import Reasoning

from gateway.agents.openai.endings import cut_off, no_answer, wants_tool
from gateway.agents.openai.overflow import CODES, ContextOverflow, Overflow
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.openai.usage import response_usage_of
from gateway.core.events import AgentEvent, ReasoningDelta, TextDelta, UsageReport
from gateway.core.model import AgentName, Turn
from gateway.errors import AgentError, ErrorClass

PARAGRAPH = "\n\n"


@dataclass(frozen=True, slots=True)
class Responses:
    """The API of `api = "responses"`. The server keeps nothing: the gateway has the conversation."""

    name: AgentName
    settings: OpenAIAgentSettings
    client: AsyncOpenAI

    async def open(self, messages: list[ChatCompletionMessageParam], turn: Turn) -> AsyncStream[ResponseStreamEvent]:
        """Asks for an answer in pieces."""
        settings = self.settings
        return await self.client.responses.create(
            model=settings.model,
            input=_input(messages),
            stream=True,
            store=False,
            temperature=openai.omit if settings.temperature is None else settings.temperature,
            max_output_tokens=openai.omit if settings.max_tokens is None else settings.max_tokens,
            reasoning=self._reasoning() or openai.omit,
            extra_headers={"Idempotency-Key": str(turn.turn_id), "X-Turngate-Attempt": str(turn.attempt)},
        )

    def _reasoning(self) -> Reasoning:
        effort, summary = self.settings.reasoning_effort, self.settings.reasoning_summary
        return cast(
            "Reasoning", {key: value for key, value in (("effort", effort), ("summary", summary)) if value is not None}
        )

    async def events(self, stream: AsyncStream[ResponseStreamEvent]) -> AsyncGenerator[AgentEvent, None]:
        """Raises an `AgentError` for an answer that was cut off, failed, or is none."""
        spoken = False
        async for event in stream:
            match event.type:
                case "response.output_text.delta" | "response.refusal.delta":
                    # A refusal is what the model says to the user.
                    spoken = spoken or bool(event.delta)
                    yield TextDelta(event.delta)
                case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                    yield ReasoningDelta(event.delta)
                case "response.reasoning_summary_part.added" if event.summary_index:
                    yield ReasoningDelta(PARAGRAPH)
                case "response.completed" | "response.incomplete" | "response.failed":
                    if event.response.usage is not None:
                        yield UsageReport(response_usage_of(event.response.usage, event.response.model))
                    self._check_end(event.response, spoken=spoken)
                    return
                case "error":
                    raise self._failure(event.code or "", event.message)
                case _:
                    pass
        raise cut_off(self.name, "it ended early")

    def _check_end(self, response: Response, *, spoken: bool) -> None:
        if response.error is not None:
            raise self._failure(response.error.code, response.error.message)
        if spoken:
            return
        if any(item.type.endswith("_call") for item in response.output):
            raise wants_tool(self.name)
        details = response.incomplete_details
        reason = (details.reason if details is not None else None) or response.status or "no status"
        is_full = reason == "max_output_tokens" and self.settings.max_tokens is None
        raise no_answer(self.name, reason, is_full=is_full, retryable=reason == "completed")

    def _failure(self, code: str, message: str) -> AgentError:
        """For an error in the middle of an answer, whose HTTP status was 200."""
        text = f"agents.{self.name}: the model failed ({code}). It said: {message}"
        text = text.replace(self.client.api_key, "…") if self.client.api_key else text
        if code in CODES:
            return ContextOverflow(text, Overflow())
        classes: dict[str, ErrorClass] = {"rate_limit_exceeded": "rate_limited", "server_error": "unavailable"}
        return AgentError(text, retryable=code in classes, error_class=classes.get(code, "agent_error"))

    async def once(
        self, messages: list[ChatCompletionMessageParam], model: str, tokens: int, seconds: float
    ) -> str | None:
        """A short answer, not streamed. Raises the client's errors."""
        response = await self.client.responses.create(
            model=model, input=_input(messages), store=False, max_output_tokens=tokens, timeout=seconds
        )
        return response.output_text or None


def _input(messages: list[ChatCompletionMessageParam]) -> ResponseInputParam:
    return [
        {"role": message["role"], "content": str(message.get("content") or "")}
        for message in messages
        if message["role"] in {"system", "user", "assistant"}
    ]
