"""Chat completions, which every server with OpenAI's API has."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import openai
from openai import AsyncOpenAI, AsyncStream, BadRequestError, UnprocessableEntityError
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from gateway.agents.openai.endings import cut_off, no_answer, wants_tool
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.openai.usage import usage_of
from gateway.core.events import AgentEvent, TextDelta, UsageReport
from gateway.core.model import AgentName, Turn


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server supports of the API; learnt from what it rejects."""

    reports_usage: bool = True
    old_max_tokens: bool = True

    def after(self, refusal: openai.APIStatusError) -> Dialect | None:
        """Returns the dialect to try next; None if the rejection is about something else."""
        if self.reports_usage and ("stream_options" in refusal.message or "include_usage" in refusal.message):
            return replace(self, reports_usage=False)
        if self.old_max_tokens and "max_completion_tokens" in refusal.message:
            return replace(self, old_max_tokens=False)
        return None


@dataclass(slots=True)
class ChatCompletions:
    """The API of `api = "chat_completions"`."""

    name: AgentName
    settings: OpenAIAgentSettings
    client: AsyncOpenAI
    _dialect: Dialect = field(default_factory=Dialect)

    async def open(self, messages: list[ChatCompletionMessageParam], turn: Turn) -> AsyncStream[ChatCompletionChunk]:
        """Asks in a dialect that the server understands."""
        while True:
            try:
                return await self._request(messages, turn)
            except (BadRequestError, UnprocessableEntityError) as refusal:
                simpler = self._dialect.after(refusal)
                if simpler is None:
                    raise
                self._dialect = simpler

    async def _request(
        self, messages: list[ChatCompletionMessageParam], turn: Turn
    ) -> AsyncStream[ChatCompletionChunk]:
        settings, dialect = self.settings, self._dialect
        limit = openai.omit if settings.max_tokens is None else settings.max_tokens
        return await self.client.chat.completions.create(
            model=settings.model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True} if dialect.reports_usage else openai.omit,
            temperature=openai.omit if settings.temperature is None else settings.temperature,
            max_tokens=limit if dialect.old_max_tokens else openai.omit,
            max_completion_tokens=openai.omit if dialect.old_max_tokens else limit,
            reasoning_effort=openai.omit if settings.reasoning_effort is None else settings.reasoning_effort,
            extra_headers={"Idempotency-Key": str(turn.turn_id), "X-Turngate-Attempt": str(turn.attempt)},
        )

    async def events(self, stream: AsyncStream[ChatCompletionChunk]) -> AsyncGenerator[AgentEvent, None]:
        """Raises an `AgentError` for an answer that was cut off, or is none."""
        reason: str | None = None
        spoken = False
        async for chunk in stream:
            for choice in chunk.choices[:1]:
                reason = choice.finish_reason or reason
                if choice.delta.content:
                    spoken = True
                    yield TextDelta(choice.delta.content)
            if chunk.usage is not None:
                yield UsageReport(usage_of(chunk.usage, chunk.model or self.settings.model))
        self._check_end(reason, spoken=spoken)

    def _check_end(self, reason: str | None, *, spoken: bool) -> None:
        """A stream that ends without a reason was cut off; one with a reason may still have said nothing."""
        if reason is None:
            raise cut_off(self.name, "it ended early")
        if spoken:
            return
        if reason in {"tool_calls", "function_call"}:
            raise wants_tool(self.name)
        is_full = reason == "length" and self.settings.max_tokens is None
        raise no_answer(self.name, reason, is_full=is_full, retryable=reason == "stop")

    async def once(
        self, messages: list[ChatCompletionMessageParam], model: str, tokens: int, seconds: float
    ) -> str | None:
        """A short answer, not streamed. Raises the client's errors."""
        old = self._dialect.old_max_tokens
        completion = await self.client.chat.completions.create(
            model=model,
            messages=messages,
            max_tokens=tokens if old else openai.omit,
            max_completion_tokens=openai.omit if old else tokens,
            timeout=seconds,
        )
        return completion.choices[0].message.content if completion.choices else None
