"""The port that the HTTP face listens on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import cast

from aiohttp import web

from gateway.api.requests.connections import WatchedConnection, connection_limiter, enforced
from gateway.core.limits.settings import Limits
from gateway.errors import SettingsError

BACKLOG = 1_024
LAST_ANSWERS_S = 0.5


class Port:
    """Open from `open` to `close`; every connection to it is watched."""

    def __init__(self, api: web.Application, limits: Limits) -> None:
        self._runner = web.AppRunner(api, shutdown_timeout=LAST_ANSWERS_S)
        self._limiter = connection_limiter(limits)
        self._opened = AsyncExitStack()

    async def open(self, host: str, port: int) -> int:
        """Listens, and returns the port's number; 0 picks a free one. Raises `SettingsError` if that port can't be opened."""
        self._opened.push_async_callback(self._runner.cleanup)
        await self._runner.setup()
        await self._opened.enter_async_context(enforced(self._limiter))
        try:
            listener = await asyncio.get_running_loop().create_server(self._connection, host, port, backlog=BACKLOG)
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {host}:{port}: {error.strerror}. "
                "Choose another address with --host or TURNGATE_HOST, or another port with --port or TURNGATE_PORT; "
                "0 picks a free one."
            ) from error
        self._opened.callback(listener.close)
        number: int = listener.sockets[0].getsockname()[1]
        return number

    async def close(self) -> None:
        """Takes no more connections, and ends those there are."""
        await self._opened.aclose()

    def _connection(self) -> WatchedConnection:
        return WatchedConnection(cast("web.Server", self._runner.server), self._limiter)
