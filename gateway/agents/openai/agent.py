"""Asks a model through the official client, streamed; retries while nothing has been said yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx2
import openai
import stamina
import structlog
from openai import AsyncOpenAI, AsyncStream, BadRequestError, UnprocessableEntityError
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from gateway.agents.back_off import MOST_TRIES, BackOff, deadline
from gateway.agents.openai.context import Prompt, Window, known_window
from gateway.agents.openai.conversation import joined, prompt_of, title_request
from gateway.agents.openai.failures import as_agent_error, transient
from gateway.agents.openai.overflow import ContextOverflow, Overflow
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.agents.openai.usage import usage_of
from gateway.core.events import AgentEvent, TextDelta, UsageReport
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import AgentError, SettingsError

log = structlog.get_logger(__name__)

CONNECT_S = 10.0
CHECK_S = 5.0
TITLE_TOKENS = 64
TITLE_S = 20.0
NO_KEY = "not-needed"
"""Sent to a server that needs no key, as the client requires one."""


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
class OpenAIAgent:
    """One model at one server. `patience`: how long a turn may take, which limits the retries."""

    name: AgentName
    settings: OpenAIAgentSettings
    client: AsyncOpenAI
    patience: timedelta
    window: Window
    _dialect: Dialect = field(default_factory=Dialect)

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        """Retries a prompt that does not fit with less history, and after a second rejection without any."""
        prompt = self.window.fitted(prompt_of(turn, self.settings.instructions, metadata=self.settings.metadata))
        refusals, spoken, until = 0, False, deadline(self.patience, turn.remaining_s)
        while True:
            try:
                async with aclosing(self._asked(prompt, turn, until)) as events:
                    async for event in events:
                        spoken = spoken or isinstance(event, TextDelta)
                        yield event
            except ContextOverflow as refusal:
                self.window.learn(refusal.overflow)
                if spoken or not prompt.past:
                    raise
                refusals += 1
                prompt = self._shorter(prompt, refusal.overflow, refusals)
            else:
                return

    def _shorter(self, prompt: Prompt, overflow: Overflow, refusals: int) -> Prompt:
        shorter = prompt.newer(0) if refusals > 1 else self.window.after(prompt, overflow)
        log.info(
            "history_cut",
            agent=self.name,
            turns=len(shorter.past),
            left_out=len(prompt.past) - len(shorter.past),
            context_tokens=self.window.tokens,
        )
        return shorter

    async def _asked(self, prompt: Prompt, turn: Turn, until: float) -> AsyncGenerator[AgentEvent, None]:
        """Raises `ContextOverflow` for a prompt that does not fit."""
        try:
            stream = await self._open(joined(prompt.messages), turn, until)
        except openai.APIError as error:
            raise as_agent_error(self.name, error, self.client.api_key) from error
        try:
            async with stream:
                async for event in self._events(stream):
                    yield event
        except (openai.APIConnectionError, httpx2.HTTPError, ValueError) as error:
            raise self._cut_off(type(error).__name__) from error
        except openai.APIError as error:
            raise as_agent_error(self.name, error, self.client.api_key) from error

    async def title(self, messages: Sequence[Message]) -> str | None:
        """Asks once for a short answer. Raises the client's errors."""
        old = self._dialect.old_max_tokens
        completion = await self.client.chat.completions.create(
            model=self.settings.title_model or self.settings.model,
            messages=title_request(messages),
            max_tokens=TITLE_TOKENS if old else openai.omit,
            max_completion_tokens=openai.omit if old else TITLE_TOKENS,
            timeout=TITLE_S,
        )
        return completion.choices[0].message.content if completion.choices else None

    async def check(self) -> str:
        """Lists the server's models, once, to check that it responds and accepts the key."""
        asking = self.client.with_options(timeout=CHECK_S, max_retries=0)
        try:
            page = await asking.models.list()
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.InternalServerError) as error:
            raise as_agent_error(self.name, error, self.client.api_key) from error
        except openai.APIStatusError:
            return f"{self.client.base_url} responds, but lists no models"
        except openai.APIError as error:
            raise as_agent_error(self.name, error, self.client.api_key) from error
        listed = any(model.id == self.settings.model for model in page.data or ())
        return f"{self.client.base_url} answers" + ("" if listed else f", but does not list {self.settings.model}")

    async def aclose(self) -> None:
        """Closes the connections to the server."""
        await self.client.close()

    async def _events(self, stream: AsyncStream[ChatCompletionChunk]) -> AsyncGenerator[AgentEvent, None]:
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

    def _cut_off(self, how: str) -> AgentError:
        # Users have already received the partial answer: only a whole new attempt can repeat it.
        return AgentError(f"agents.{self.name}: the answer was cut off: {how}.", error_class="unavailable")

    def _check_end(self, reason: str | None, *, spoken: bool) -> None:
        """A stream that ends without a reason was cut off; one with a reason may still have said nothing."""
        if reason is None:
            raise self._cut_off("it ended early")
        if spoken:
            return
        if reason in {"tool_calls", "function_call"}:
            raise AgentError(
                f"agents.{self.name}: the model asked for a tool, and agents of kind openai have none.", retryable=False
            )
        text = f"agents.{self.name}: the model answered nothing ({reason})."
        if reason == "length" and self.settings.max_tokens is None:
            # The prompt has left no room for an answer.
            raise ContextOverflow(text, Overflow())
        raise AgentError(text, retryable=reason == "stop")

    async def _open(
        self, messages: list[ChatCompletionMessageParam], turn: Turn, until: float
    ) -> AsyncStream[ChatCompletionChunk]:
        """Raises the client's errors after the last try."""
        back_off = BackOff(self.name, turn, until, lambda error: transient(self.name, error, self.client.api_key))
        async for attempt in stamina.retry_context(on=back_off, attempts=MOST_TRIES, timeout=None):
            with attempt:
                return await self._open_understood(messages, turn)
        raise AssertionError("the retries ended without a result or an error")

    async def _open_understood(
        self, messages: list[ChatCompletionMessageParam], turn: Turn
    ) -> AsyncStream[ChatCompletionChunk]:
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
            extra_headers={"Idempotency-Key": str(turn.turn_id), "X-Turngate-Attempt": str(turn.attempt)},
        )


def build(name: AgentName, settings: OpenAIAgentSettings, patience: timedelta) -> OpenAIAgent:
    """Raises `SettingsError` if an API key is needed and missing."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    timeout = openai.Timeout(patience.total_seconds(), connect=CONNECT_S)
    try:
        client = AsyncOpenAI(api_key=key, base_url=settings.base_url, max_retries=0, timeout=timeout)
    except openai.OpenAIError as error:
        if settings.base_url is None:
            raise SettingsError(
                f"agents.{name}.api_key is missing. Set it, or the variable OPENAI_API_KEY, or agents.{name}.base_url to a "
                "server that needs no key."
            ) from error
        client = AsyncOpenAI(api_key=NO_KEY, base_url=settings.base_url, max_retries=0, timeout=timeout)
    window = Window(settings.context_tokens or known_window(settings.model), settings.max_tokens)
    return OpenAIAgent(name, settings, client, patience, window)
