"""Keeps the lease and watches the event loop from a thread: an agent that blocks the loop does not cost the lease, and is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import structlog

from gateway.app.watching.own_loop import in_own_loop
from gateway.core.measuring.metrics import LOOP_LAG
from gateway.core.model import Turn
from gateway.core.ports.loop_blocks import LoopBlocks
from gateway.core.ports.turns import Replicas
from gateway.core.turns.loop_watch import LoopWatch
from gateway.core.turns.pulse import Heartbeat
from gateway.errors import StoreUnavailable

log = structlog.get_logger(__name__)

LOOK_S = 0.5
BLOCKED_S = 2.0
"""Seconds without a response after which the event loop counts as blocked."""


@dataclass(frozen=True, slots=True)
class OwnStores:
    """Stores that work while the event loop is blocked, on a connection of their own."""

    replicas: Replicas
    blocks: LoopBlocks


class HeartbeatThread:
    """Runs the heartbeat. A loop that has been blocked for `patience_s` loses the lease: other replicas take its work over."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        turn_of: Callable[[asyncio.Task[None]], Turn | None],
        connect: Callable[[], AbstractAsyncContextManager[OwnStores]],
        patience_s: float,
    ) -> None:
        self._heartbeat = heartbeat
        self._turn_of = turn_of
        self._connect = connect
        self._patience_s = patience_s

    async def run(self) -> None:
        """Runs until cancelled."""
        await in_own_loop(partial(self._live, LoopWatch(LOOP_LAG.observe)), "heartbeat")

    async def _live(self, watch: LoopWatch) -> None:
        async with self._connect() as stores, asyncio.TaskGroup() as group:
            group.create_task(self._heartbeat.run(stores.replicas, lambda: watch.silent_s() < self._patience_s))
            group.create_task(self._look(watch, stores.blocks))

    async def _look(self, watch: LoopWatch, blocks: LoopBlocks) -> None:
        # Counts checks rather than seconds: a process that was frozen for a while was not blocked.
        unanswered = 0
        while True:
            watch.ask()
            await asyncio.sleep(LOOK_S)
            unanswered = unanswered + 1 if watch.silent_s() else 0
            if unanswered * LOOK_S >= BLOCKED_S:
                await self._blocked(watch, blocks)
                unanswered = 0

    async def _blocked(self, watch: LoopWatch, blocks: LoopBlocks) -> None:
        """Reports what blocks the loop, once at the start and once when it is over."""
        task, place, seconds = watch.task(), watch.place(), watch.silent_s()
        turn = None if task is None else self._turn_of(task)
        agent = None if turn is None else turn.agent
        log.warning(
            "loop_blocked", agent=agent, turn=turn and str(turn.turn_id), where=place, seconds=round(seconds, 1)
        )
        await self._note(blocks, turn, place, seconds)
        while (silent := watch.silent_s()) >= seconds:
            seconds = silent
            await asyncio.sleep(LOOK_S)
        log.warning("loop_answers_again", agent=agent, seconds=round(seconds, 1))
        await self._note(blocks, turn, place, seconds)

    async def _note(self, blocks: LoopBlocks, turn: Turn | None, place: str, seconds: float) -> None:
        if turn is not None:
            try:
                await blocks.note(turn.agent, seconds, place)
            except StoreUnavailable as error:
                log.debug("loop_block_not_noted", reason=str(error))
