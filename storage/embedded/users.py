"""The users of the server: the first one starts it, the last one stops it, and nobody does both at once."""

from __future__ import annotations

import asyncio
import logging

from storage.embedded.errors import EmbeddedPostgresError
from storage.embedded.locks import FileLock, holding
from storage.embedded.server import START_S, EmbeddedPostgres

LEAVE_S = 2.0
log = logging.getLogger(__name__)


async def join(server: EmbeddedPostgres) -> FileLock:
    """Makes the server run and counts this process among its users, until `leave` or the end of the process."""
    server.prepare()
    try:
        async with holding(server.layout.gate_lock, seconds=START_S + 10):
            await _start(server)
            user = FileLock.opened(server.layout.users_lock)
            user.share()  # taken exclusively only behind the gate
            return user
    except TimeoutError as error:
        raise EmbeddedPostgresError(
            f"Another process has been starting or stopping the database in {server.layout.folder} for over a minute."
        ) from error


async def leave(server: EmbeddedPostgres, user: FileLock) -> None:
    """Stops the server if no other user is left; ends within 10 s."""
    try:
        async with holding(server.layout.gate_lock, seconds=LEAVE_S):
            if user.take() and not await server.stop():
                log.warning("The embedded PostgreSQL did not stop in time; the next start will take it over.")
    except TimeoutError:  # another process is starting it, and will stop it
        log.info("The embedded PostgreSQL is still in use and keeps running.")
    finally:
        user.close()


async def _start(server: EmbeddedPostgres) -> None:
    try:
        await server.start()
    except asyncio.CancelledError:
        user = FileLock.opened(server.layout.users_lock)
        if user.take():
            await server.stop()
        user.close()
        raise
