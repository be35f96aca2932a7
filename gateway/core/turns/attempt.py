"""One call of an agent: until it ends, its time is up, or it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from types import AsyncGeneratorType
from typing import cast

import structlog

from gateway.core.limits.shares import Claim
from gateway.core.live.announcer import Announcer
from gateway.core.model import AgentName, Turn
from gateway.core.ports.agents import Agent
from gateway.core.ports.turns import Tenure
from gateway.core.tasks.background import Background
from gateway.core.turns.draft import Draft
from gateway.errors import AgentError

log = structlog.get_logger(__name__)
Over = Callable[[BaseException | None, Context], None]
"""Receives how a call ended, and the context variables from before it."""
GENERATORS = (AsyncGeneratorType, AsyncGenerator)
"""The usual type comes first: checking an abstract class is slow."""
GRACE_S = 0.8
"""Seconds that an agent has to end after it is stopped."""


def this_task() -> asyncio.Task[None]:
    """The current task."""
    return cast("asyncio.Task[None]", asyncio.current_task())


class Call:
    """An agent's call, in the task that runs it. `over` is called once with the exception that ended it; None: none did.

    Stopping an agent cancels the task. If the agent ignores that, `over` is called after `GRACE_S`, whatever the
    agent still does: from then on, the task belongs to the agent alone.
    """

    __slots__ = ("_context", "_draft", "_over", "_tasks", "_timer", "stopped", "task")

    def __init__(self, draft: Draft, seconds: float, tasks: Background, over: Over) -> None:
        self.task = this_task()
        self._tasks = tasks
        self._draft = draft
        self._over: Over | None = over
        # The agent may set context variables in the task.
        self._context = copy_context()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.stop)
        self.stopped = False

    def stop(self) -> None:
        """The time is up, or the answer is no longer wanted."""
        if self.stopped or self._over is None:
            return
        self.stopped = self._draft.closed = True
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(GRACE_S, self._leave)
        self.task.cancel()

    def end(self, error: BaseException | None) -> None:
        """The agent has answered, or raised this error."""
        self._draft.closed = True
        self._timer.cancel()
        over, self._over = self._over, None
        if over is not None:
            over(TimeoutError() if self.stopped else error, self._context)

    def forget(self) -> None:
        """Drops the callback: nobody needs to know how the call ended."""
        self._over = None
        self._timer.cancel()

    def _leave(self) -> None:
        log.warning("agent_left_behind", task=self.task.get_name(), seconds=GRACE_S)
        self._tasks.detach(self.task)
        self.end(None)


@dataclass(slots=True)
class Running:
    """A turn in progress. `tenure`: when it was claimed; `call`: the running call of its agent, if any.

    `newer`: a later claim of the same turn, which continues if this one has lost its lease.
    """

    epoch: int
    tenure: Tenure
    call: Call | None = None
    cancelled: bool = False
    newer: Turn | None = None
    pause: asyncio.Future[None] | None = None
    worker: asyncio.Task[None] | None = None
    """The task that currently runs the turn."""
    begun: float = 0.0
    stand_in: AgentName | None = None
    """The agent that answers instead of the turn's own, which has failed."""
    raised: str | None = None
    """What the agent raised in the latest attempt; the same exception is logged with its traceback once."""
    claim: Claim | None = None
    """The claim for the slot that it holds."""
    ends: list[Callable[[], object]] = field(default_factory=list)
    """Called when the agent has finished with the turn."""

    def agent_ends(self) -> None:
        """There are no further attempts."""
        while self.ends:
            self.ends.pop()()

    async def pauses(self, seconds: float) -> None:
        """Waits before the next attempt, unless the turn is cancelled."""
        # It may have been cancelled between the agent's end and this task's start.
        if self.cancelled:
            return
        self.pause = asyncio.get_running_loop().create_future()
        await asyncio.wait({self.pause}, timeout=seconds)
        self.pause = None

    def cancel(self) -> None:
        """Ends the attempt, or the pause before the next."""
        self.cancelled = True
        if self.call is not None:
            self.call.stop()
        if self.pause is not None and not self.pause.done():
            self.pause.set_result(None)


class Listener:
    """Consumes agents' events and passes them on."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._hearing: dict[asyncio.Task[None], Turn] = {}

    def turn_of(self, task: asyncio.Task[None]) -> Turn | None:
        """Returns the turn whose agent runs in that task; may be called from any thread."""
        return self._hearing.get(task)

    async def listen(self, agent: Agent, turn: Turn, draft: Draft, call: Call) -> None:
        """Fills the draft and ends the call. Raises `CancelledError` if anything but the call cancels the task."""
        self._hearing[call.task] = turn
        error: BaseException | None = None
        try:
            await self._hear(agent, turn, draft)
        except asyncio.CancelledError:
            if not call.stopped:
                raise
        except SystemExit as exit_:
            # It would end the gateway: the library expects a program of its own.
            error = AgentError(f"The agent tried to exit the process: {exit_}.")
        except Exception as raised:  # noqa: BLE001 - the runner reports it
            error = raised
        finally:
            del self._hearing[call.task]
        call.end(error)

    async def _hear(self, agent: Agent, turn: Turn, draft: Draft) -> None:
        events = agent.run(turn)
        try:
            async for event in events:
                if draft.closed:
                    break
                if (kept := draft.add(event)) is not None:
                    self._announcer.progress(turn, kept)
                if draft.request is not None:
                    break
        finally:
            if isinstance(events, GENERATORS):
                await events.aclose()
