"""Bytes on their way into a store: in a file of their own until all of them are there, counted and hashed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from gateway.core.ports.blobs import Digest
from gateway.errors import NotFound, StoreUnavailable, TooLarge

P = ParamSpec("P")
R = TypeVar("R")

ABANDONED_S = 86_400.0
"""Seconds after which nobody is still writing a draft; a gateway that was killed left it."""
DIGEST = re.compile(r"[0-9a-f]{64}")


@asynccontextmanager
async def drafted(chunks: AsyncIterator[bytes], largest: int, folder: Path) -> AsyncIterator[Draft]:
    """Holds all of them in a file, until the block ends. Raises `TooLarge`, `StoreUnavailable` and what the stream raises."""
    draft = await on_disk(Draft.begin, folder)
    try:
        async for chunk in chunks:
            if draft.size + len(chunk) > largest:
                raise TooLarge(f"the file is larger than the limit of {largest} bytes")
            await on_disk(draft.add, chunk)
        yield draft
    finally:
        draft.discard()


@dataclass(slots=True)
class Draft:
    """The file, its length so far in bytes, and their hash."""

    path: Path
    file: IO[bytes]
    size: int = 0
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    @classmethod
    def begin(cls, folder: Path) -> Draft:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(dir=folder)
        return cls(Path(path), os.fdopen(descriptor, "wb"))

    def add(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def digest(self) -> Digest:
        """Flushes the bytes to disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return Digest(self._hash.hexdigest())

    def discard(self) -> None:
        """Removes it, unless it was renamed."""
        self.file.close()
        self.path.unlink(missing_ok=True)


async def on_disk(act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs it in a thread. Raises `StoreUnavailable` for faults of the disk."""
    try:
        return await asyncio.to_thread(act, *args, **kwargs)
    except OSError as error:
        raise StoreUnavailable(f"files cannot be kept or read: {error}. Check the disk and its permissions.") from error


def checked(digest: Digest) -> Digest:
    """Raises `NotFound` for anything that is no digest, so that no name leads out of the store."""
    if not DIGEST.fullmatch(digest):
        raise NotFound("there is no such file")
    return digest


async def discard_abandoned(folder: Path, older_than_s: float = ABANDONED_S) -> int:
    """Removes the drafts of gateways that were killed. Returns their number."""
    return await on_disk(_discard_abandoned, folder, older_than_s)


def _discard_abandoned(folder: Path, older_than_s: float) -> int:
    before, count = time.time() - older_than_s, 0
    for draft in folder.glob("*"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime <= before:
                draft.unlink()
                count += 1
    return count
