"""Where the bytes of files are kept; who owns a file, and what it is called, the session store knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

Digest = NewType("Digest", str)
"""The SHA-256 of the bytes, as 64 lowercase hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Blob:
    """`put_at`: when these bytes were last put; each later `put` of the same bytes moves it."""

    digest: Digest
    size: int
    put_at: datetime


class BlobStore(Protocol):
    """Keeps bytes under their digest, so the same bytes are kept once. Each call raises `StoreUnavailable`."""

    async def put(self, chunks: AsyncIterator[bytes], largest: int) -> Blob:
        """Keeps the bytes; they are durable, and visible as a whole, once this returns.

        Nothing is kept of a stream that fails. Raises `TooLarge` as soon as there are more than `largest` bytes.
        """
        ...

    def read(self, digest: Digest, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yields the bytes from `start` up to, but not including, `end`; a range may exceed the blob. Raises `NotFound`."""
        ...

    async def stat(self, digest: Digest) -> Blob | None: ...

    async def delete(self, digest: Digest) -> None:
        """Removes the bytes, if they are there."""
        ...
