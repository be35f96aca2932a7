"""Bytes in a store, whichever keeps them: whole, once, under their digest."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from gateway.core.ports.blobs import BlobStore, Digest
from gateway.errors import NotFound, StoreUnavailable, TooLarge
from storage.blobs.drafts import discard_abandoned
from storage.blobs.local import CHUNK, LocalBlobs
from storage.blobs.s3 import S3Blobs

LIMIT = 10 * CHUNK


def s3_store(address: str, bucket: str = "files") -> S3Store:
    return S3Store(
        bucket,
        endpoint=address,
        region="us-east-1",
        access_key_id="id",
        secret_access_key="secret",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )


@pytest.fixture(scope="module")
def bucket() -> Iterator[S3Store]:
    """In an S3 server of its own (moto)."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with closing(HTTPConnection(host, port, timeout=5)) as connection:
        connection.request("PUT", "/files")
        assert connection.getresponse().status == HTTPStatus.OK
    yield s3_store(f"http://{host}:{port}")
    server.stop()


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "local":
        yield LocalBlobs(tmp_path)
        return
    bucket: S3Store = request.getfixturevalue("bucket")
    yield S3Blobs(bucket, tmp_path / "drafts")
    bucket.delete([item["path"] for page in bucket.list() for item in page])


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def cut_stream() -> AsyncIterator[bytes]:
    yield b"half"
    raise ConnectionResetError("the sender is gone")


async def read(blobs: BlobStore, digest: Digest, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(digest, start, end)])


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_bytes_come_back_as_they_were_put(blobs: BlobStore) -> None:
    content = bytes(range(256)) * (CHUNK // 100)
    blob = await blobs.put(stream(content[:1000], b"", content[1000:]), LIMIT)
    assert blob.digest == hashlib.sha256(content).hexdigest()
    assert blob.size == len(content)
    assert await read(blobs, blob.digest) == content
    assert await blobs.stat(blob.digest) == blob


async def test_an_empty_file_can_be_kept(blobs: BlobStore) -> None:
    blob = await blobs.put(stream(), LIMIT)
    assert (blob.size, await read(blobs, blob.digest)) == (0, b"")


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 3), (3, 7), (9, None), (0, 0), (5, 2), (8, 99), (99, None), (2, CHUNK + 5), (CHUNK, CHUNK + 1)],
)
async def test_a_range_is_read(blobs: BlobStore, start: int, end: int | None) -> None:
    content = (b"0123456789" * CHUNK)[: 2 * CHUNK]
    blob = await blobs.put(stream(content), LIMIT)
    assert await read(blobs, blob.digest, start, end) == content[start:end]


async def test_the_same_bytes_are_kept_under_one_digest(blobs: BlobStore) -> None:
    first = await blobs.put(stream(b"same"), LIMIT)
    again = await blobs.put(stream(b"sa", b"me"), LIMIT)
    assert again.digest == first.digest
    assert again.put_at >= first.put_at
    assert await read(blobs, again.digest) == b"same"


async def test_a_file_as_large_as_the_limit_is_kept(blobs: BlobStore) -> None:
    assert (await blobs.put(stream(b"12", b"34"), 4)).size == 4


async def test_a_file_above_the_limit_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="limit of 4 bytes"):
        await blobs.put(stream(b"12", b"345"), 4)
    assert await blobs.stat(Digest(hashlib.sha256(b"12").hexdigest())) is None
    assert left_in(tmp_path) == []


async def test_a_stream_that_is_cut_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.put(cut_stream(), LIMIT)
    assert await blobs.stat(Digest(hashlib.sha256(b"half").hexdigest())) is None
    assert left_in(tmp_path) == []


async def test_deleted_bytes_are_gone(blobs: BlobStore) -> None:
    blob = await blobs.put(stream(b"gone"), LIMIT)
    for _ in range(2):
        await blobs.delete(blob.digest)
    assert await blobs.stat(blob.digest) is None
    with pytest.raises(NotFound):
        await read(blobs, blob.digest)


@pytest.mark.parametrize("name", ["", "../secret.key", "a" * 63, "A" * 64, "/" * 64, "é" * 64])
async def test_a_name_that_is_no_digest_reads_nothing(blobs: BlobStore, name: str) -> None:
    with pytest.raises(NotFound):
        await blobs.stat(Digest(name))


async def test_others_on_the_machine_cannot_read_the_files(tmp_path: Path) -> None:
    await LocalBlobs(tmp_path).put(stream(b"private"), LIMIT)
    assert {path.stat().st_mode & 0o077 for path in left_in(tmp_path)} == {0}


async def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=str(tmp_path / "files")):
        await LocalBlobs(tmp_path / "files").put(stream(b"lost"), LIMIT)


async def test_a_bucket_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="bucket for files"):
        await S3Blobs(s3_store("http://127.0.0.1:1"), tmp_path).put(stream(b"lost"), LIMIT)
    assert left_in(tmp_path) == []


async def test_a_bucket_that_does_not_exist_is_unavailable(bucket: S3Store, tmp_path: Path) -> None:
    missing = s3_store(str(bucket.config["endpoint"]), "missing")
    with pytest.raises(StoreUnavailable, match="bucket for files"):
        await S3Blobs(missing, tmp_path).put(stream(b"lost"), LIMIT)


async def test_drafts_of_a_killed_gateway_are_removed(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob = await blobs.put(stream(b"whole"), LIMIT)
    (tmp_path / "drafts" / "left").write_bytes(b"hal")
    assert await discard_abandoned(tmp_path / "drafts") == 0
    assert await discard_abandoned(tmp_path / "drafts", older_than_s=0) == 1
    assert await read(blobs, blob.digest) == b"whole"
