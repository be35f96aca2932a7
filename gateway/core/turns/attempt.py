"""One call of an agent: heard to its end, until its time is up, or until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from types import AsyncGeneratorType
from typing import cast

import structlog

from gateway.core.background import Background
from gateway.core.limits.shares import Claim
from gateway.core.live.announcer import Announcer
from gateway.core.model import Turn
from gateway.core.ports.agents import Agent
from gateway.core.turns.draft import Draft
from gateway.errors import AgentError

log = structlog.get_logger(__name__)
Over = Callable[[BaseException | None, Context], None]
"""How a call ended, and the context variables from before it."""
GENERATORS = (AsyncGeneratorType, AsyncGenerator)
"""The usual kind comes first: an abstract class takes its time to recognise one."""
GRACE_S = 0.8
"""Seconds that an agent gets to end once it is told to."""


def this_task() -> asyncio.Task[None]:
    """The task that asks."""
    return cast("asyncio.Task[None]", asyncio.current_task())


class Call:
    """An agent's call, in the task it is made in. `over` hears once how it ended: None is well.

    Telling an agent to stop cancels the task. If the agent ignores that, `over` hears of it after `GRACE_S`, whatever the
    agent still does: the task is the agent's alone from then on.
    """

    __slots__ = ("_context", "_draft", "_over", "_tasks", "_timer", "stopped", "task")

    def __init__(self, draft: Draft, seconds: float, tasks: Background, over: Over) -> None:
        self.task = this_task()
        self._tasks = tasks
        self._draft = draft
        self._over: Over | None = over
        # The agent may set variables in the task's own.
        self._context = copy_context()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.stop)
        self.stopped = False

    def stop(self) -> None:
        """Its time is up, or nobody wants its answer any more."""
        if self.stopped or self._over is None:
            return
        self.stopped = self._draft.closed = True
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(GRACE_S, self._leave)
        self.task.cancel()

    def end(self, error: BaseException | None) -> None:
        """The agent has answered, or raised this."""
        self._draft.closed = True
        self._timer.cancel()
        over, self._over = self._over, None
        if over is not None:
            over(TimeoutError() if self.stopped else error, self._context)

    def forget(self) -> None:
        """Nobody hears how it ended."""
        self._over = None
        self._timer.cancel()

    def _leave(self) -> None:
        log.warning("agent_left_behind", task=self.task.get_name(), seconds=GRACE_S)
        self._tasks.let_go(self.task)
        self.end(None)


@dataclass(slots=True)
class Running:
    """A turn at work. `term`: the lease's at its start; `call`: of its agent, while there is one.

    `newer`: a later claim of the same turn, which goes on where this one has lost its lease.
    """

    epoch: int
    term: int = 0
    call: Call | None = None
    cancelled: bool = False
    newer: Turn | None = None
    pause: asyncio.Future[None] | None = None
    worker: asyncio.Task[None] | None = None
    """The task that sees to the turn now."""
    begun: float = 0.0
    claim: Claim | None = None
    """Of the slot that it holds."""
    ends: list[Callable[[], object]] = field(default_factory=list)
    """Called when the agent is done with it."""

    def agent_ends(self) -> None:
        """There is no further attempt."""
        while self.ends:
            self.ends.pop()()

    def cancel(self) -> None:
        """Ends the attempt, or the pause before the next."""
        self.cancelled = True
        if self.call is not None:
            self.call.stop()
        if self.pause is not None and not self.pause.done():
            self.pause.set_result(None)


class Listener:
    """Hears agents out, and passes on what they say."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._hearing: dict[asyncio.Task[None], Turn] = {}

    def turn_of(self, task: asyncio.Task[None]) -> Turn | None:
        """The turn whose agent runs in that task; may be asked from any thread."""
        return self._hearing.get(task)

    async def listen(self, agent: Agent, turn: Turn, draft: Draft, call: Call) -> None:
        """Fills the draft, and ends the call. Raises `CancelledError` if the task is cancelled by anything but the call."""
        self._hearing[call.task] = turn
        error: BaseException | None = None
        try:
            await self._hear(agent, turn, draft)
        except asyncio.CancelledError:
            if not call.stopped:
                raise
        except SystemExit as exit_:
            # It would end the gateway: a library that means a program of its own.
            error = AgentError(f"The agent tried to exit the process: {exit_}.")
        except Exception as raised:  # noqa: BLE001 - the runner says what it was
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
        finally:
            if isinstance(events, GENERATORS):
                await events.aclose()
