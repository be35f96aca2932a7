"""One turn of an agent without a gateway or a database, for `turngate agents try`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, dataclass, replace
from traceback import format_exception

import orjson

from gateway.agents.registry import build_agents, terms_of
from gateway.cli.output import printable
from gateway.config import Settings
from gateway.core.events import AgentEvent
from gateway.core.model import AgentName, JsonObject, JsonValue, State, Turn
from gateway.core.ports.agents import Agent, Closing
from gateway.core.turns.draft import Draft
from gateway.errors import AgentError, InvalidInput
from turngate.testing.agents.turns import new_turn

Hear = Callable[[AgentEvent], None]
NAME_WIDTH = 14


@dataclass(frozen=True, slots=True)
class Trial:
    """What a turn came to. `error`: why it failed; None if the agent has answered."""

    agent: AgentName
    text: str
    draft: Draft
    seconds: float
    error: BaseException | None

    @property
    def shown_error(self) -> str:
        """For the author of the agent: an `AgentError` says what is wrong; of anything else, the traceback does."""
        if self.error is None:
            return ""
        return str(self.error) if isinstance(self.error, AgentError) else "".join(format_exception(self.error)).rstrip()


async def try_agent(settings: Settings, name: str, text: str, agent_session: str | None, hear: Hear) -> Trial:
    """Runs one turn with an empty history; passes each event on as it comes. Raises `GatewayError` if the agent cannot be built."""
    if name not in settings.agents:
        raise InvalidInput(f"There is no agent {name!r} in the settings. There are: {', '.join(settings.agents)}.")
    (agent,) = build_agents({name: settings.agents[name]}, settings.turns).values()
    try:
        return await _tried(agent, _turn(settings, name, text, agent_session), Draft(settings.turns.max_reply), hear)
    finally:
        if isinstance(agent, Closing):
            await agent.aclose()


def _turn(settings: Settings, name: str, text: str, agent_session: str | None) -> Turn:
    terms = terms_of(settings.agents[name], settings.turns)
    turn = new_turn(text, agent_session=agent_session, seconds=terms.timeout.total_seconds())
    return replace(turn, agent=AgentName(name), state=State() if terms.state else None)


async def _tried(agent: Agent, turn: Turn, draft: Draft, hear: Hear) -> Trial:
    begun, allowed = time.monotonic(), turn.remaining_s
    error: BaseException | None = None
    limit = asyncio.timeout(allowed)
    try:
        async with limit:
            await _listen(agent, turn, draft, hear)
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever it is, it is what the command shows
        error = raised
    if limit.expired():
        error = AgentError(f"The agent did not answer within {allowed:.0f} s (timeout_s).", error_class="timeout")
    content, parts = draft.finish()
    if error is None and not parts:
        error = AgentError("The agent gave no answer.", retryable=False)
    return Trial(turn.agent, content, draft, time.monotonic() - begun, error)


async def _listen(agent: Agent, turn: Turn, draft: Draft, hear: Hear) -> None:
    events = agent.run(turn)
    try:
        async for event in events:
            draft.add(event)
            hear(event)
            if draft.closed:
                break
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def as_json(event: AgentEvent) -> JsonObject:
    """Returns an event with the name of its class as its type."""
    return {"type": type(event).__name__, **asdict(event)}


def as_line(event: AgentEvent) -> str:
    """Returns an event on one line: the name of its class, and what it holds as JSON."""
    fields: JsonObject = asdict(event)
    held: JsonValue = next(iter(fields.values())) if len(fields) == 1 else fields
    return f"{type(event).__name__:<{NAME_WIDTH}} {printable(orjson.dumps(held).decode())}"
