"""Keeps the bytes of files in a local directory: one file each, named by its digest.

Bytes are written to a draft, which is flushed to disk and then renamed, so that a crash leaves a whole file or a draft.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from gateway.core.ports.blobs import Blob, Digest
from gateway.errors import NotFound
from storage.blobs.drafts import Draft, checked, drafted, on_disk

CHUNK = 262_144
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class LocalBlobs:
    """A `BlobStore`. Replicas on one machine, or on a shared file system, may share the directory."""

    root: Path

    async def put(self, chunks: AsyncIterator[bytes], largest: int) -> Blob:
        async with drafted(chunks, largest, self.root / "drafts") as draft:
            return await on_disk(self._keep, draft)

    async def read(self, digest: Digest, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        with await on_disk(_open, self._path(digest)) as file:
            file.seek(start)
            left = None if end is None else max(end - start, 0)
            while chunk := await on_disk(file.read, CHUNK if left is None else min(CHUNK, left)):
                left = None if left is None else left - len(chunk)
                yield chunk

    async def stat(self, digest: Digest) -> Blob | None:
        return await on_disk(_stat, self._path(digest), digest)

    async def delete(self, digest: Digest) -> None:
        await on_disk(_delete, self._path(digest))

    def _keep(self, draft: Draft) -> Blob:
        digest = draft.digest()
        path = self._path(digest)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.path.replace(path)
        for folder in (path.parent, self.root, self.root.parent):
            _flush_folder(folder)
        return Blob(digest, draft.size, _modified(path.stat()))

    def _path(self, digest: Digest) -> Path:
        name = checked(digest)
        return self.root / name[:2] / name


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFound("there is no such file") from None


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _stat(path: Path, digest: Digest) -> Blob | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Blob(digest, found.st_size, _modified(found))


def _modified(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _flush_folder(folder: Path) -> None:
    """A rename is durable once its folder is flushed (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
