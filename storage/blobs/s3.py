"""Keeps the bytes of files in a bucket of S3, or of a server that speaks its protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from gateway.core.ports.blobs import Blob, Digest
from gateway.errors import NotFound, StoreUnavailable
from storage.blobs.drafts import checked, drafted, on_disk


@dataclass(frozen=True, slots=True)
class S3Blobs:
    """A `BlobStore`. `drafts`: a local folder; the digest, which names the object, is known once all bytes are there."""

    store: S3Store
    drafts: Path

    async def put(self, chunks: AsyncIterator[bytes], largest: int) -> Blob:
        async with drafted(chunks, largest, self.drafts) as draft:
            digest = await on_disk(draft.digest)
            with _explained():
                await obstore.put_async(self.store, digest, draft.path)
            return await self._stat(digest)

    async def read(self, digest: Digest, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        size = (await self._stat(checked(digest))).size
        stop = size if end is None else min(end, size)
        if start >= stop:
            return
        with _explained(), _if_there():
            found = await obstore.get_async(self.store, digest, options={"range": (start, stop)})
            async for chunk in found.stream():
                yield bytes(chunk)

    async def stat(self, digest: Digest) -> Blob | None:
        name = checked(digest)
        try:
            return await self._stat(name)
        except NotFound:
            return None

    async def delete(self, digest: Digest) -> None:
        with _explained():
            await obstore.delete_async(self.store, checked(digest))

    async def _stat(self, digest: Digest) -> Blob:
        with _explained(), _if_there():
            found = await obstore.head_async(self.store, digest)
        return Blob(digest, found["size"], found["last_modified"])


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise StoreUnavailable(f"the bucket for files does not respond as it should: {reason}") from error


@contextmanager
def _if_there() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("there is no such file") from None
