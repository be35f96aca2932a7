"""Asks a model through the official client, streamed; retries while nothing has been said yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import httpx2
import openai
import stamina
import structlog
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionMessageParam

from gateway.agents.back_off import MOST_TRIES, BackOff, deadline
from gateway.agents.openai.completions import ChatCompletions
from gateway.agents.openai.context import Prompt, Window, known_window
from gateway.agents.openai.conversation import joined, prompt_of, title_request
from gateway.agents.openai.endings import cut_off
from gateway.agents.openai.failures import as_agent_error, transient
from gateway.agents.openai.overflow import ContextOverflow, Overflow
from gateway.agents.openai.responses import Responses
from gateway.agents.openai.settings import OpenAIAgentSettings
from gateway.core.events import AgentEvent, TextDelta
from gateway.core.model import AgentName, Message, Turn
from gateway.errors import SettingsError

log = structlog.get_logger(__name__)

CONNECT_S = 10.0
CHECK_S = 5.0
TITLE_TOKENS = 64
TITLE_S = 20.0
NO_KEY = "not-needed"
"""Sent to a server that needs no key, as the client requires one."""


class Api(Protocol):
    """One of the APIs that OpenAI's servers have."""

    async def open(self, messages: list[ChatCompletionMessageParam], turn: Turn) -> AsyncStream[Any]:
        """Raises the client's errors."""
        ...

    def events(self, stream: AsyncStream[Any]) -> AsyncGenerator[AgentEvent, None]:
        """Raises the client's errors, and an `AgentError` for an answer that was cut off, or is none."""
        ...

    async def once(
        self, messages: list[ChatCompletionMessageParam], model: str, tokens: int, seconds: float
    ) -> str | None:
        """A short answer, not streamed. Raises the client's errors."""
        ...


@dataclass(slots=True)
class OpenAIAgent:
    """One model at one server. `patience`: how long a turn may take, which limits the retries."""

    name: AgentName
    settings: OpenAIAgentSettings
    client: AsyncOpenAI
    patience: timedelta
    window: Window
    api: Api

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
                async for event in self.api.events(stream):
                    yield event
        except (openai.APIConnectionError, httpx2.HTTPError, ValueError) as error:
            raise cut_off(self.name, type(error).__name__) from error
        except openai.APIError as error:
            raise as_agent_error(self.name, error, self.client.api_key) from error

    async def title(self, messages: Sequence[Message]) -> str | None:
        """Asks once for a short answer. Raises the client's errors."""
        model = self.settings.title_model or self.settings.model
        return await self.api.once(title_request(messages), model, TITLE_TOKENS, TITLE_S)

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

    async def _open(self, messages: list[ChatCompletionMessageParam], turn: Turn, until: float) -> AsyncStream[Any]:
        """Raises the client's errors after the last try."""
        back_off = BackOff(self.name, turn, until, lambda error: transient(self.name, error, self.client.api_key))
        async for attempt in stamina.retry_context(on=back_off, attempts=MOST_TRIES, timeout=None):
            with attempt:
                return await self.api.open(messages, turn)
        raise AssertionError("the retries ended without a result or an error")


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
    api: Api = (Responses if settings.api == "responses" else ChatCompletions)(name, settings, client)
    return OpenAIAgent(name, settings, client, patience, window, api)
