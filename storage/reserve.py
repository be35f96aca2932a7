"""Connections that stay out of their pool between two statements, for constant use.

Returning and acquiring one takes a task, two timers and two passes of the event loop: as long as a short statement.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncpg

from gateway.core.tasks.background import Background
from storage.connections import PooledConnection

MOST = 4
"""Connections kept here, and at most half of the pool's: the others return to it, so that there is always one to acquire."""
IDLE_S = 30.0
"""Seconds after which unused connections return to the pool, which closes them if they stay idle."""
RELEASE_TIMEOUT_S = 2.0


@dataclass(slots=True, eq=False)
class Reserve:
    """The connections of one pool that wait for their next statement.

    `generation` grows when all connections are to be replaced: one that was taken before does not return here.
    """

    pool: asyncpg.Pool
    most: int = MOST
    idle_s: float = IDLE_S
    generation: int = 0
    _waiting: list[PooledConnection] = field(default_factory=list)
    _used: bool = False
    _clock: asyncio.TimerHandle | None = None
    _work: Background = field(default_factory=Background)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> PooledConnection | None:
        """Returns the one that was used last; None: ask the pool."""
        self._used = True
        while self._waiting:
            connection = self._waiting.pop()
            if _works(connection):
                return connection
            self._let_go(connection)
        return None

    def put(self, connection: PooledConnection, generation: int) -> bool:
        """Keeps a connection that works. `generation`: as it was when taken. False: it belongs to the pool."""
        if generation != self.generation or len(self._waiting) >= self.most:
            return False
        self._waiting.append(connection)
        if self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(self.idle_s, self._look)
        return True

    def empty(self) -> None:
        """Returns all of them to the pool, and those in use as soon as their statements have ended."""
        self.generation += 1
        for connection in self._waiting:
            self._let_go(connection)
        self._waiting.clear()
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    async def emptied(self) -> None:
        """Returns when all are back in the pool."""
        self.empty()
        await self._work.settle(RELEASE_TIMEOUT_S)

    def _look(self) -> None:
        self._clock = None
        if not self._used:
            self.empty()
        elif self._waiting:
            self._used = False
            self._clock = asyncio.get_running_loop().call_later(self.idle_s, self._look)

    def _let_go(self, connection: PooledConnection) -> None:
        self._work.start(self._release(connection), "connection goes back")

    async def _release(self, connection: PooledConnection) -> None:
        await self.pool.release(connection, timeout=RELEASE_TIMEOUT_S)


def _works(connection: PooledConnection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the server ended it, and the pool took it back
        return False
