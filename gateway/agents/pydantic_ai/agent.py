"""Runs an agent of Pydantic AI for each turn, and keeps its messages in the library's own form."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

import structlog
from openai import AsyncOpenAI
from pydantic_ai import (
    Agent,
    AgentRunResult,
    AgentRunResultEvent,
    DeferredToolRequests,
    ModelContextWindowExceededError,
    ModelMessage,
    ModelResponse,
    ModelSettings,
    UserError,
)
from pydantic_ai.agent import AgentRunEvents
from pydantic_ai.capabilities import ReinjectSystemPrompt

from gateway.agents.back_off import MARGIN_S
from gateway.agents.pydantic_ai.conversation import Conversation, Depth, history_of, newest, turns_in, written
from gateway.agents.pydantic_ai.events import Translator
from gateway.agents.pydantic_ai.failures import as_agent_error
from gateway.agents.pydantic_ai.outputs import as_json, rendering_of, usage_of
from gateway.agents.titles import TITLE_WANTED, quoted
from gateway.core.events import AgentEvent, AgentSession, DataPart, TextDelta, UsageReport
from gateway.core.model import AgentName, Message, Turn
from gateway.core.ports.agent_data import AgentDataStore, AgentDatum
from gateway.errors import AgentError, StoreUnavailable

log = structlog.get_logger(__name__)

OUTPUT = "output"
"""The name of the part with a structured output."""
AnyAgent = Agent[Turn | None, object]
"""Its dependencies are the turn, if it declares so, otherwise None."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one attempt starts from."""

    turn: Turn
    name: str
    base: AgentDatum | None
    history: Conversation


@dataclass(frozen=True, slots=True)
class PydanticAIAgent:
    """`depth`: how much of a conversation is kept; `client`: the connections that were opened for this agent."""

    name: AgentName
    agent: AnyAgent
    data: AgentDataStore
    depth: Depth
    speaks: bool = True
    client: AsyncOpenAI | None = None

    async def run(self, turn: Turn) -> AsyncGenerator[AgentEvent, None]:
        """Retries a conversation that is too long for the model with less of it."""
        # The first turn names the conversation, so all attempts at it use the same name.
        name = turn.agent_session or str(turn.turn_id)
        base = None if turn.agent_session is None else await self.data.read(self.name, name, turn)
        run = Run(turn, name, base, history_of(turn, base, self.depth))
        while True:
            try:
                async for event in self._attempt(run):
                    yield event
            except ModelContextWindowExceededError as error:
                if not run.history.messages:
                    raise self._failure(error) from error
                run = self._shorter(run)
            else:
                return

    def _shorter(self, run: Run) -> Run:
        known = turns_in(run.history.messages)
        log.info("history_cut", agent=self.name, turns=known // 2, left_out=known - known // 2)
        shorter = newest(run.history.messages, known // 2)
        return replace(run, history=replace(run.history, messages=shorter))

    async def _attempt(self, run: Run) -> AsyncGenerator[AgentEvent, None]:
        """Raises the library's error for a conversation that is too long, and others as `AgentError`."""
        translator = Translator(speaks=self.speaks)
        async with self.agent.run_stream_events(
            run.turn.text,
            message_history=run.history.messages,
            conversation_id=run.name,
            deps=run.turn if self.agent.deps_type is Turn else None,
            capabilities=[ReinjectSystemPrompt()],
            infer_name=False,
            timeout=_time_left(run.turn),
            model_settings=None if self.client is None else _named(run.turn),
        ) as events:
            try:
                async for event in events:
                    if isinstance(event, AgentRunResultEvent):
                        async for last in self._finished(run, event.result, translator):
                            yield last
                    else:
                        for shown in translator.events(event):
                            yield shown
            except ModelContextWindowExceededError:
                raise
            except Exception as error:
                if (used := _used(events)) is not None:
                    yield used
                raise self._failure(error) from error

    async def _finished(
        self, run: Run, result: AgentRunResult[object], translator: Translator
    ) -> AsyncGenerator[AgentEvent, None]:
        yield UsageReport(usage_of(result.usage, _last_response(result.all_messages())))
        if isinstance(result.output, DeferredToolRequests):
            raise _needs_approval(self.name, result.output)
        if not isinstance(result.output, str):
            output = as_json(result.output)
            yield DataPart(OUTPUT, output)
            yield TextDelta(translator.apart + rendering_of(output))
        if await self._kept(run, result.all_messages()):
            yield AgentSession(run.name)

    async def _kept(self, run: Run, messages: Sequence[ModelMessage]) -> bool:
        """Whether the next turn can continue from these messages; otherwise it reads the transcript."""
        try:
            data = written(replace(run.history, messages=messages), self.depth.turns)
        except ValueError as error:  # a tool returned something that has no JSON
            log.warning("agent_data_not_kept", agent=self.name, session=run.turn.session_id, reason=str(error))
            return False
        if data is None:
            return False
        return await self.data.write(self.name, run.name, run.turn, data, run.base)

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, AgentError | StoreUnavailable):
            return error
        secret = "" if self.client is None else self.client.api_key
        return as_agent_error(self.name, error, secret) or error

    async def title(self, messages: Sequence[Message]) -> str | None:
        """Asks the agent's model, without the agent's instructions and tools. Raises the library's errors."""
        titling = Agent(self.agent.model, instructions=TITLE_WANTED)
        return (await titling.run(quoted(messages), infer_name=False)).output

    async def fork(self, agent_session: str) -> str | None:
        name = uuid4().hex
        return name if await self.data.copy(self.name, agent_session, name) else None

    async def forget(self, agent_session: str) -> None:
        await self.data.delete(self.name, agent_session)

    async def aclose(self) -> None:
        if self.client is not None:
            await self.client.close()


def _time_left(turn: Turn) -> float | None:
    """Seconds until shortly before the turn's time is over, so that the run ends with what is wrong; None: no limit."""
    left = turn.remaining_s
    return None if math.isinf(left) else max(0.0, left - min(MARGIN_S, left / 10))


def _named(turn: Turn) -> ModelSettings:
    """Names the turn to a server of OpenAI's API. A run sends several requests, so they have no idempotency key."""
    return ModelSettings(extra_headers={"X-Turngate-Turn": str(turn.turn_id), "X-Turngate-Attempt": str(turn.attempt)})


def _last_response(messages: Sequence[ModelMessage]) -> ModelResponse | None:
    return next((message for message in reversed(messages) if isinstance(message, ModelResponse)), None)


def _used(events: AgentRunEvents[object]) -> UsageReport | None:
    """What a run used before it failed; None if it did not begin."""
    with suppress(UserError):
        return UsageReport(usage_of(events.usage, _last_response(events.new_messages())))
    return None


def _needs_approval(name: AgentName, requests: DeferredToolRequests) -> AgentError:
    tools = ", ".join(sorted({call.tool_name for call in (*requests.approvals, *requests.calls)}))
    return AgentError(
        f"agents.{name}: the run waits for somebody to approve or answer {tools}, which agents of this kind cannot ask for. "
        "Let the tool run without approval, or handle its requests in the agent (HandleDeferredToolCalls).",
        retryable=False,
    )
