"""One call of an agent: heard to its end, until its time is up, or until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import structlog

from gateway.core.announcer import Announcer
from gateway.core.draft import Draft
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from gateway.errors import AgentError

log = structlog.get_logger(__name__)
GRACE_S = 0.8


@dataclass(slots=True)
class Running:
    """A turn at work. `limit`: expires when its time is up, or at once when it is cancelled. `term`: the lease's at its start.

    `newer`: a later claim of the same turn, which goes on where this one has lost its lease.
    """

    epoch: int
    term: int = 0
    limit: asyncio.Timeout | None = None
    cancelled: bool = False
    newer: Turn | None = None

    def cancel(self) -> None:
        self.cancelled = True
        # A limit that has fired is being handled already.
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Listener:
    """Hears agents out, and passes on what they say."""

    announcer: Announcer
    hearing: WeakKeyDictionary[asyncio.Task[object], Turn] = field(default_factory=WeakKeyDictionary)
    """The tasks that agents run in."""

    async def listen(self, agent: Agent, turn: Turn, entry: Running, draft: Draft, seconds: float) -> None:
        """Fills the draft. Raises `TimeoutError` when the time is up or the turn is cancelled, and what the agent raises."""
        hearing = asyncio.create_task(self._guarded(agent, turn, draft), name=f"agent of {turn.turn_id}")
        self.hearing[hearing] = turn
        try:
            async with asyncio.timeout(seconds) as limit:
                entry.limit = limit
                await asyncio.wait({hearing})
            if hearing.cancelled():
                raise AgentError("The agent was cancelled from within.")
            hearing.result()
        finally:
            entry.limit = None
            draft.closed = True
            if not hearing.done():
                await _ended(hearing)

    async def _guarded(self, agent: Agent, turn: Turn, draft: Draft) -> None:
        try:
            await self._hear(agent, turn, draft)
        except SystemExit as error:
            # It would end the gateway: a library that means a program of its own.
            raise AgentError(f"The agent wanted to end the process: {error}.") from error

    async def _hear(self, agent: Agent, turn: Turn, draft: Draft) -> None:
        events = agent.run(turn)
        try:
            async for event in events:
                if draft.closed:
                    break
                if (kept := draft.add(event)) is not None:
                    self.announcer.progress(turn, kept)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()


async def _ended(hearing: asyncio.Task[None]) -> None:
    """Tells an agent to stop; one that does not is left to itself after a moment, and nobody listens any more."""
    hearing.cancel()
    _, left = await asyncio.wait({hearing}, timeout=GRACE_S)
    if left:
        log.warning("agent_left_behind", task=hearing.get_name(), seconds=GRACE_S)
    # Whatever it still raises has no one to hear it.
    hearing.add_done_callback(lambda task: task.cancelled() or task.exception())
