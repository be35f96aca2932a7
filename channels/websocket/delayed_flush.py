"""Delays frames for a moment to send them together with the next ones; one timer serves all sockets."""

from __future__ import annotations

import asyncio
from typing import Protocol

TICK_S = 0.01


class Flushable(Protocol):
    """Something that can write its queue."""

    def flush(self) -> None: ...


class DelayedFlush:
    """Flushes each socket between one and two ticks after it asked, unless it has written in the meantime."""

    __slots__ = ("_asked", "_ticking", "_waited")

    def __init__(self) -> None:
        self._asked: dict[Flushable, None] = {}
        self._waited: dict[Flushable, None] = {}
        self._ticking = False

    def ask(self, socket: Flushable) -> None:
        """Requests one flush; effective until the socket is flushed or forgotten."""
        self._asked[socket] = None
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def forget(self, socket: Flushable) -> None:
        """The socket has nothing left to write."""
        self._asked.pop(socket, None)
        self._waited.pop(socket, None)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due, self._waited, self._asked = self._waited, self._asked, {}
        for socket in due:
            loop.call_soon(socket.flush)
        self._ticking = bool(self._waited)
        if self._ticking:
            loop.call_later(TICK_S, self._tick)
