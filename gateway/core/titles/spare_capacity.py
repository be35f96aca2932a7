"""Work that can wait, such as titles: it runs while an agent has room, and is interrupted as soon as a turn needs the room."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from gateway.core.model import AgentName

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

IDLE_S = 10.0
"""Seconds after which work runs beside turns anyway, if the agent's capacity is unknown."""
MOST_TRIES = 10
"""How often work may be interrupted before it is dropped."""


class _AgentCapacity:
    """One agent: its turns, and the work done beside them. `room`: for how many of both; None: unknown."""

    def __init__(self, room: int | None, idle_s: float) -> None:
        self._room = room
        self._patience_s = None if room else idle_s
        self._turns = 0
        self._granted = 0
        self._interrupts: list[Callable[[], bool]] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def _excess(self) -> int:
        # An agent of unknown capacity does one thing at a time.
        return self._turns + self._granted - (self._room or 1)

    def begin_turn(self) -> None:
        """A turn never waits: work in its way is cancelled."""
        self._turns += 1
        if (in_the_way := self._excess) > 0:
            for interrupt in self._interrupts[-in_the_way:]:
                interrupt()

    def end_turn(self) -> None:
        self._turns -= 1
        self._serve()

    async def enter(self) -> None:
        """Returns when there is room, in order of arrival."""
        if not self._waiting and self._excess < 0:
            self._granted += 1
            return
        while True:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await asyncio.wait({place}, timeout=self._patience_s)
            except BaseException:
                self._give_up(place)
                raise
            if not place.done():
                self._waiting.remove(place)
                if not self._granted:
                    self._granted += 1
                    return
            elif self._excess <= 0:
                return
            else:  # a turn has started in the meantime
                self._granted -= 1

    async def work(self, call: Callable[[], Awaitable[Answer]]) -> asyncio.Future[Answer]:
        """Runs the call after `enter`; returns it done or cancelled."""
        task = asyncio.ensure_future(call())
        self._interrupts.append(task.cancel)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._interrupts.remove(task.cancel)
            self._leave()
        return task

    def _leave(self) -> None:
        self._granted -= 1
        self._serve()

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if place.done():
            self._leave()
        else:
            self._waiting.remove(place)

    def _serve(self) -> None:
        while self._waiting and self._excess < 0:
            self._granted += 1
            self._waiting.popleft().set_result(None)


class SpareCapacity:
    """Tracks when agents have room. `rooms`: how many turns an agent runs at a time, where the settings say so."""

    def __init__(self, rooms: Mapping[AgentName, int], idle_s: float = IDLE_S) -> None:
        self._rooms = rooms
        self._idle_s = idle_s
        self._agents: dict[AgentName, _AgentCapacity] = {}

    def begin_turn(self, agent: AgentName) -> Callable[[], None]:
        """Records that a turn of the agent runs; returns a function to call when it ends."""
        capacity = self._agent(agent)
        capacity.begin_turn()
        return capacity.end_turn

    async def use(self, agent: AgentName, call: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Returns the call's result; the call is repeated after a turn has interrupted it. None if that happens too often."""
        capacity = self._agent(agent)
        for _ in range(MOST_TRIES):
            await capacity.enter()
            work = await capacity.work(call)
            if not work.cancelled():
                return work.result()
        log.info("work_gave_way", agent=agent, tries=MOST_TRIES)
        return None

    def _agent(self, agent: AgentName) -> _AgentCapacity:
        capacity = self._agents.get(agent)
        if capacity is None:
            capacity = self._agents[agent] = _AgentCapacity(self._rooms.get(agent), self._idle_s)
        return capacity
