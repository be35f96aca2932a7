"""Kernel locks: flock(2) is released when the last process that holds the file open ends, for whatever reason."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class FileLock:
    """An open lock file. Closing it releases the lock, unless a child process inherited it and keeps it."""

    fd: int

    @classmethod
    def opened(cls, path: Path) -> FileLock:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.geteuid() == 0:  # the data dir's own user must be able to open it, too
            os.fchown(fd, path.parent.stat().st_uid, -1)
        return cls(fd)

    def take(self) -> bool:
        """Returns whether this is now the only holder."""
        return self._flock(fcntl.LOCK_EX)

    def share(self) -> bool:
        return self._flock(fcntl.LOCK_SH)

    def close(self) -> None:
        os.close(self.fd)

    def _flock(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def taken(path: Path) -> FileLock | None:
    """Returns the lock, held exclusively, or None while another process has it."""
    lock = FileLock.opened(path)
    if lock.take():
        return lock
    lock.close()
    return None


@asynccontextmanager
async def holding(path: Path, *, seconds: float) -> AsyncIterator[None]:
    """Waits for the lock and holds it exclusively. Raises TimeoutError after `seconds`."""
    lock = FileLock.opened(path)
    try:
        async with asyncio.timeout(seconds):
            while not lock.take():  # noqa: ASYNC110  another process releases it without notice
                await asyncio.sleep(POLL_S)
        yield
    finally:
        lock.close()


async def is_free(path: Path, *, within: float) -> bool:
    """Whether nobody holds the lock any more, waiting at most `within` seconds for that."""
    try:
        async with holding(path, seconds=within):
            return True
    except TimeoutError:
        return False
